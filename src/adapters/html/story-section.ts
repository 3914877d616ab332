/** The story in plain order, and the three cards that stand before it: claimed, verified, changed. */
import type { CheckResult } from '../../events/parts.ts'
import type { Printed, Story, StoryEntry } from '../../projections/story-document.ts'
import { isCutOff, unjudgedWords } from '../../projections/verification.ts'
import { countWords, durationWords, sizeWords } from '../../words/amounts.ts'
import { html, type Markup, type Part } from './markup.ts'

const FILES_LISTED_MAX = 12
const PREVIEW_LINES_MAX = 6

export function summaryCards(story: Story): Markup {
  return html`<div class="cards">${claimCard(story)}${verifiedCard(story)}${changedCard(story)}</div>`
}

function claimCard({ claimed }: Story): Markup {
  if (claimed === null) return card('Claimed', 'plain', 'nothing', html`<p>No executor answered.</p>`)
  const evidence =
    claimed.evidence_refs.length > 0 &&
    html`<ul class="refs">${claimed.evidence_refs.map((ref) => html`<li><code>${ref}</code></li>`)}</ul>`
  return card(
    'Claimed',
    'plain',
    claimed.status,
    html`<p>${claimed.summary}</p>${evidence}<p class="where"><a href="#e${claimed.position}">turn ${claimed.turn_number}</a></p>`,
  )
}

function verifiedCard({ verified, ran }: Story): Markup {
  const { checks, position } = verified
  const isUnjudged = verified.verified === null && position !== null
  const unjudged = isUnjudged && html`<p>Not judged: ${unjudgedWords(checks)}.</p>`
  const why =
    ran?.stop_checks === 0
      ? 'The workflow has no stop checks, so the claim was believed.'
      : 'No stop check judged the last turn.'
  const body =
    position === null
      ? html`<p>${why}</p>`
      : html`${unjudged}<ul class="checks">${checks.map((check) => checkItem(check, isUnjudged && isCutOff(check)))}</ul><p class="where"><a href="#e${position}">${countWords(checks.length, 'stop check')}</a></p>`
  if (verified.verified === true) return card('Verified', 'good', 'yes', body)
  return verified.verified === false
    ? card('Verified', 'bad', 'no', body)
    : card('Verified', 'warn', 'not verified', body)
}

function checkItem({ name, ok }: CheckResult, isCut: boolean): Markup {
  const [tone, sign] = isCut ? ['warn', '–'] : ok ? ['good', '✓'] : ['bad', '✗']
  return html`<li class="${tone}">${sign} ${name}</li>`
}

function changedCard({ changed }: Story): Markup {
  if (changed === null) return card('Changed', 'plain', 'nothing captured', html`<p>No work was captured.</p>`)
  const { files, position } = changed
  const more = files.length - FILES_LISTED_MAX
  return card(
    'Changed',
    'plain',
    countWords(files.length, 'file'),
    html`<ul class="files">${files.slice(0, FILES_LISTED_MAX).map(({ path, change }) => html`<li><span class="change ${change}">${change}</span> <code>${path}</code></li>`)}${more > 0 && html`<li>and ${countWords(more, 'more file')}</li>`}</ul><p class="where"><a href="#e${position}">captured</a></p>`,
  )
}

function card(name: string, tone: string, value: string, body: Part): Markup {
  return html`<section class="card ${tone}"><h3>${name}</h3><p class="value">${value}</p>${body}</section>`
}

export function storyList(story: Story): Markup {
  return html`<ol class="story">${story.entries.map(entry)}</ol>`
}

function entry({ position, time, at_ms, type, tone, title, details, printed }: StoryEntry): Markup {
  return html`<li class="entry ${tone}"><a class="offset" href="#e${position}" title="${type} at ${time}">+${durationWords(at_ms)}</a>
<div><p class="title">${title}</p>${details.length > 0 && html`<ul class="details">${details.map((line) => html`<li>${line}</li>`)}</ul>`}${printed.map(printedBlock)}</div></li>`
}

function printedBlock({ label, text, bytes, clipped }: Printed): Markup {
  const lines = text.replace(/\n+$/, '').split('\n')
  const summary = html`${label} <span class="dim">${sizeWords(bytes)}${clipped && ', the end of it'}</span>`
  const open = lines.length <= PREVIEW_LINES_MAX && !clipped
  return html`<details class="printed"${open && html` open`}><summary>${summary}</summary><pre tabindex="0">${lines.join('\n')}</pre></details>`
}
