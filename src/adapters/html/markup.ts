/**
 * HTML as values: a text put into a template is escaped, only what a template made itself goes in as it is. So nothing
 * that a session said can become markup, wherever it stands: in text, in a quoted attribute, or inside an SVG.
 */
import { plainText } from '../../words/plain-text.ts'

export type Markup = { readonly markup: string }
export type Part = Markup | string | number | null | false | readonly Part[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/** The one place where text becomes HTML. Control bytes and direction marks are dropped. */
export function escapeText(text: string): string {
  return plainText(text).replace(/[&<>"'`]/g, (character) => ESCAPES[character] ?? '')
}

/** A template whose attribute values must be quoted. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return { markup: strings.reduce((whole, string, index) => whole + render(parts[index - 1] ?? null) + string) }
}

/** Text of this program itself: style, script, and data made safe for its place. */
export function trusted(markup: string): Markup {
  return { markup }
}

function render(part: Part): string {
  if (part === null || part === false) return ''
  if (typeof part === 'string') return escapeText(part)
  if (typeof part === 'number') return String(part)
  return 'markup' in part ? part.markup : part.map(render).join('')
}

/** JSON text made safe inside `<script type="application/json">`: still the same JSON, but it can't end the element. */
export function jsonForScript(json: string): Markup {
  return trusted(json.replace(/[<>&\u2028\u2029]/g, visible))
}

/** JSON for people: what can't be seen is shown as an escape, so the text is exact. */
export function jsonForPeople(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? 'null'
  return text.replace(/[\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g, visible)
}

function visible(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
