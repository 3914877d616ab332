/** Every event of the record, folded; what the rest of the page links to. Long rows of progress are drawn together. */
import type { RecordedEvent } from '../../events/envelope.ts'
import type { Story } from '../../projections/story-document.ts'
import { sizeWords } from '../../words/amounts.ts'
import type { Audit } from '../../runtime/audit.ts'
import { html, jsonForPeople, type Markup } from './markup.ts'

/** Consecutive `turn.progressed` events beyond this become one line. */
const PROGRESS_ROW_MAX = 6
const DATA_CHARS_MAX = 65_536
const HASH_CHARS = 12

type Row = { kind: 'event'; event: RecordedEvent } | { kind: 'run'; events: readonly RecordedEvent[] }

/** The rows of the list and the positions that can be linked to. */
export function rowsOf(events: readonly RecordedEvent[]): { rows: Row[]; listed: Set<number> } {
  const rows: Row[] = []
  for (let index = 0; index < events.length; ) {
    let end = index
    while (events[end]?.type === 'turn.progressed') end++
    const run = events.slice(index, end)
    if (run.length > PROGRESS_ROW_MAX) rows.push({ kind: 'run', events: run })
    else rows.push(...events.slice(index, Math.max(end, index + 1)).map((event) => ({ kind: 'event', event }) as const))
    index = Math.max(end, index + 1)
  }
  const listed = new Set(rows.flatMap((row) => (row.kind === 'event' ? [row.event.position] : [])))
  return { rows, listed }
}

export function eventList(rows: readonly Row[], { story, parked }: Pick<Audit, 'story' | 'parked'>): Markup {
  const titles = new Map(story.entries.map(({ position, title }) => [position, title]))
  const list = rows.map((row) =>
    row.kind === 'event' ? eventRow(row.event, titles.get(row.event.position)) : runRow(row.events),
  )
  const strangers =
    parked.length > 0 &&
    html`<h3>Parked messages</h3><p>They are in the trail but changed nothing.</p>
<ul class="parked">${parked.map(({ position, code, reason }) => html`<li>${position}: <code>${code}</code> ${reason}</li>`)}</ul>`
  return html`<ol class="events">${list}</ol>${strangers}`
}

function eventRow(event: RecordedEvent, title: Story['entries'][number]['title'] | undefined): Markup {
  const { position, time, type, hash, prevhash, source, id, causationid, data } = event
  const facts = { id, source, causationid, prevhash, hash }
  return html`<li id="e${position}"><details><summary><span class="position">${position}</span><time datetime="${time}">${clock(time)}</time><code class="type">${type}</code><span class="told">${title ?? asideOf(event)}</span><code class="hash">${hash.slice(0, HASH_CHARS)}</code></summary>
<dl>${Object.entries(facts).map(([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>`)}</dl><pre tabindex="0">${dataText(data)}</pre></details></li>`
}

/** What the story passes over. */
function asideOf({ type, data }: RecordedEvent): string {
  if (type === 'turn.spawned') return `process ${data.pid}`
  return type === 'turn.progressed' ? `${sizeWords(data.stdout_bytes + data.stderr_bytes)} printed so far` : ''
}

function runRow(events: readonly RecordedEvent[]): Markup {
  const [first] = events
  const last = events.at(-1)
  if (first === undefined || last === undefined) return html``
  return html`<li class="run"><span class="position">${first.position} to ${last.position}</span> <time datetime="${first.time}">${clock(first.time)}</time> to <time datetime="${last.time}">${clock(last.time)}</time>: ${events.length} × <code class="type">turn.progressed</code></li>`
}

function dataText(data: unknown): string {
  const text = jsonForPeople(data)
  if (text.length <= DATA_CHARS_MAX) return text
  return `${text.slice(0, DATA_CHARS_MAX)}\n… cut after ${DATA_CHARS_MAX} of ${text.length} characters; the log has all of it`
}

/** `2026-01-02 03:04:05.678`, UTC as stored. */
function clock(time: string): string {
  return time.replace('T', ' ').replace('Z', '')
}
