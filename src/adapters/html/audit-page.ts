/**
 * The audit of a session as one page that needs nothing else: no network, no other file. Its content security policy
 * allows the page's own style and script by their hashes and nothing else, so even a hole in the escaping runs nothing.
 */
import { createHash } from 'node:crypto'
import { clip } from '../../projections/clip.ts'
import { toneOf } from '../../projections/story-spans.ts'
import type { Story } from '../../projections/story-document.ts'
import { countWords, durationWords } from '../../words/amounts.ts'
import type { Audit, AuditText } from '../../runtime/audit.ts'
import { eventList, rowsOf } from './event-list.ts'
import { machinePath } from './machine-path.ts'
import { html, jsonForScript, trusted, type Markup } from './markup.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { PAGE_STYLE } from './page-style.ts'
import { storyList, summaryCards } from './story-section.ts'
import { timeline } from './timeline.ts'
import { workSection } from './work-section.ts'

/** A larger record is not carried along: `swarmtrail export` has it. */
const RECORD_CHARS_MAX = 16_777_216
const HEADING_CHARS_MAX = 140

/** The whole page. `at` is the time of writing, RFC 3339. */
export function auditPage(audit: Audit, texts: readonly AuditText[], at: string): string {
  const { story } = audit
  const { rows, listed } = rowsOf(audit.record.map(({ event }) => event))
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${story.session_id} · ${story.outcome?.outcome ?? 'not ended'} · session audit</title>
<style>${trusted(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#story">Skip to the story</a>
${pageHead(audit)}
<main>
${section('summary', 'Claimed and verified', summaryCards(story))}
${section('timeline', 'Timeline', timeline(story, listed))}
${section('path', "The machine's path", machinePath(audit.path))}
${section('story', 'Story', storyList(story))}
${section('work', 'Work and outputs', workSection(texts))}
${section('events', 'Events', html`${eventTools()}${eventList(rows, audit)}`)}
${section('record', 'The record', recordSection(audit))}
</main>
<footer><p>Written ${at} from the events alone. Times are UTC.</p></footer>
<script>${trusted(PAGE_SCRIPT)}</script>
</body>
</html>
`
  return page.markup
}

function policy(): string {
  const allow = (text: string) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`
  return [
    "default-src 'none'",
    `style-src ${allow(PAGE_STYLE)}`,
    `script-src ${allow(PAGE_SCRIPT)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

const SECTIONS = [
  ['summary', 'Verified'],
  ['timeline', 'Timeline'],
  ['path', 'Path'],
  ['story', 'Story'],
  ['work', 'Work'],
  ['events', 'Events'],
  ['record', 'Record'],
] as const

function pageHead({ story, soundness }: Audit): Markup {
  const { asked, outcome } = story
  const pill =
    outcome === null
      ? html`<span class="pill plain">not ended</span>`
      : html`<a class="pill ${toneOf(outcome.outcome)}" href="#e${outcome.position}">${outcome.outcome}</a> <code>${outcome.reason_code}</code>`
  const broken =
    soundness.bad !== null &&
    html`<p class="alarm" role="alert">This record is not sound: ${soundness.bad.reason} (position ${soundness.bad.position}).</p>`
  return html`<header>
<p class="eyebrow">Session audit <code>${story.session_id}</code></p>
<h1>${heading(asked.task)}</h1>
<p class="verdict">${pill} <span>${outcome?.summary ?? ''}</span></p>
${broken}
<dl class="facts">${factsOf(story).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>
<nav aria-label="Sections"><ul>${SECTIONS.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>`
}

function factsOf({ asked, ran, ...story }: Story): [string, string][] {
  const facts: [string, string | null | undefined][] = [
    ['Asked by', asked.by],
    ['At', asked.time.replace('T', ' ')],
    ['Took', durationWords(story.duration_ms)],
    ['Executor ran', `${durationWords(story.working_ms)} in ${countWords(story.turns, 'turn')}`],
    ['Command', ran?.command],
    ['Workflow', ran === null ? null : (ran.workflow_path ?? 'given on the command line')],
    ['Runner', ran?.runners.join(', ')],
    ['Objective', asked.objective_id],
    ['Tracker item', asked.tracker_item_id],
    [
      'Labels',
      Object.entries(asked.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
  ]
  return facts.flatMap(([name, value]) =>
    value === null || value === undefined || value === '' ? [] : [[name, value] as [string, string]],
  )
}

/** A long task stands in full in the story. */
function heading(task: string): string {
  const [line = ''] = task.trim().split('\n')
  return clip(line, HEADING_CHARS_MAX)
}

function section(id: string, name: string, body: Markup): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-name"><h2 id="${id}-name">${name}</h2>
${body}</section>`
}

function eventTools(): Markup {
  return html`<p class="tools" id="event-tools" hidden><label for="event-filter">Filter</label> <input type="search" id="event-filter" placeholder="turn.exited" autocomplete="off" spellcheck="false"> <span id="event-shown" role="status"></span></p>`
}

function recordSection({ record, soundness }: Audit): Markup {
  const { ok, events, head_hash, bad } = soundness
  const found = ok
    ? html`<p class="good">✓ ${countWords(events, 'event')}: every hash, every link and every transition was checked when this page was written.</p>`
    : html`<p class="bad">✗ Not sound at position ${bad?.position ?? 0}: ${bad?.reason ?? ''}</p>`
  const json = `[${record.map(({ body }) => body).join(',\n')}]`
  const carried = json.length <= RECORD_CHARS_MAX
  return html`${found}
<p>Head hash <code class="hash">${head_hash}</code>. Whoever kept this hash elsewhere can tell whether the trail is still the same.</p>
${
  carried
    ? html`<p>The page carries the record as stored. <button type="button" id="check-record" hidden>Check the hashes here</button> <span id="check-result" role="status"></span></p>
<script type="application/json" id="record-data">${jsonForScript(json)}</script>`
    : html`<p>The record is too large to be carried by the page; <code>swarmtrail export</code> writes it.</p>`
}`
}
