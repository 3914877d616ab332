/** Texts that events refer to: the patch, prompts and whole outputs, each folded away. */
import { sizeWords } from '../../words/amounts.ts'
import type { AuditText } from '../../runtime/audit.ts'
import { html, type Markup } from './markup.ts'

const NAMES: Record<AuditText['kind'], string> = {
  patch: 'Patch',
  prompt: 'prompt',
  stdout: 'standard output',
  stderr: 'standard error',
}

export function workSection(texts: readonly AuditText[]): Markup {
  if (texts.length === 0) return html`<p class="note">The events refer to no patch and no output.</p>`
  const patches = texts.filter(({ kind }) => kind === 'patch')
  const others = texts.filter(({ kind }) => kind !== 'patch')
  return html`${[...patches, ...others].map(textBlock)}`
}

function textBlock({ kind, turn, position, ref, text, note }: AuditText): Markup {
  const name = turn === null ? NAMES[kind] : `Turn ${turn}: ${NAMES[kind]}`
  return html`<details class="text"><summary>${name} <span class="dim">${sizeWords(ref.bytes)}</span>${note !== null && html` <span class="cut">${note}</span>`}</summary>
<p class="where"><a href="#e${position}">event ${position}</a> · <code class="hash">sha256 ${ref.sha256}</code></p>
${text !== null && html`<pre tabindex="0">${kind === 'patch' ? patchLines(text) : text}</pre>`}</details>`
}

function patchLines(text: string): Markup[] {
  return text.split('\n').map((line) => {
    const kind = lineKind(line)
    return kind === null ? html`${line}\n` : html`<span class="${kind}">${line}</span>\n`
  })
}

function lineKind(line: string): string | null {
  if (line.startsWith('diff ') || line.startsWith('+++') || line.startsWith('---')) return 'file'
  if (line.startsWith('@@')) return 'hunk'
  if (line.startsWith('+')) return 'add'
  return line.startsWith('-') ? 'del' : null
}
