/**
 * The timeline as SVG, to scale. All horizontal measures are percentages, so the chart fits any screen and can be
 * widened without stretching its letters; what a width leaves no room for is shown once there is.
 */
import { LANES, type Lane, type Story, type StoryMark, type StorySpan } from '../../projections/story-document.ts'
import { durationWords } from '../../words/amounts.ts'
import { html, type Markup } from './markup.ts'
import { ticksOf } from './time-axis.ts'

/** Drawn at most; of more, the longest ones. */
export const SPANS_DRAWN_MAX = 4_000
/** So that what was short can still be seen and hit. */
const WIDTH_PERCENT_MIN = 0.35
/** Room that a label of a mark needs. */
const MARK_PERCENT = 9
export const ZOOMS = [1, 4, 16, 64] as const
/** Narrower bars carry no label, at the width that the chart has without zoom. */
const LABEL_PERCENT_MIN = 6

const AXIS_HEIGHT = 20
const MARKS_HEIGHT = 24
const LANE_HEIGHT = 34
const BAR_HEIGHT = 26
const LANES_TOP = AXIS_HEIGHT + MARKS_HEIGHT
const HEIGHT = LANES_TOP + LANES.length * LANE_HEIGHT
const LANE_NAMES: Record<Lane, string> = { phase: 'Phases', turn: 'Turns', step: 'Steps', wait: 'Waits' }

type Scale = { percent: (ms: number) => number; width: (ms: number) => number; durationMs: number }

export function timeline(story: Story, listed: ReadonlySet<number>): Markup {
  const scale = scaleOf(story)
  const spans = drawnSpans(story.spans)
  const left = story.spans.length - spans.length
  const scroller = html`<div class="scroll" tabindex="0" role="group" aria-label="Timeline, scrolls sideways">
<svg class="chart" width="100%" height="${HEIGHT}" role="img" aria-labelledby="timeline-title">
<title id="timeline-title">${LANES.map((lane) => LANE_NAMES[lane]).join(', ')} over ${durationWords(scale.durationMs)}, to scale</title>
${LANES.map((_, index) => html`<rect class="lane" x="0" y="${laneTop(index)}" width="100%" height="${BAR_HEIGHT}"/>`)}
${ZOOMS.map((zoom) => axis(scale, zoom))}
${story.marks.map((mark, index) => markLine(mark, scale, story.marks[index - 1]))}
${spans.map((span) => bar(span, scale, listed))}
</svg></div>`
  return html`<div class="zoomable">
<span class="zoom-name" id="zoom-name">Zoom</span>
${ZOOMS.map((zoom) => html`<input type="radio" name="zoom" id="zoom-${zoom}" aria-describedby="zoom-name"${zoom === 1 && html` checked`}><label for="zoom-${zoom}">${zoom}×</label>`)}
<div class="chart-box"><div class="lanes" aria-hidden="true">${LANES.map((lane) => html`<span>${LANE_NAMES[lane]}</span>`)}</div>
${scroller}</div></div>
${left > 0 && html`<p class="note">The ${SPANS_DRAWN_MAX} longest are drawn; ${left} shorter ones stand in the list of events only.</p>`}
<p class="legend">${LEGEND.map(([tone, what]) => html`<span><i class="swatch ${tone}"></i>${what}</span>`)}</p>`
}

const LEGEND = [
  ['good', 'answered, succeeded'],
  ['warn', 'cut short, waited'],
  ['bad', 'failed, fell silent'],
] as const

function scaleOf({ spans, marks }: Story): Scale {
  const starts = [...spans.map(({ start_ms }) => start_ms), ...marks.map(({ at_ms }) => at_ms)]
  const ends = [...spans.map(({ end_ms }) => end_ms), ...marks.map(({ at_ms }) => at_ms)]
  const start = starts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const durationMs = Math.max(1, ends.reduce((a, b) => Math.max(a, b), start) - start)
  const percent = (ms: number) => rounded(Math.min(100, Math.max(0, ((ms - start) / durationMs) * 100)))
  return { percent, width: (ms) => rounded((ms / durationMs) * 100), durationMs }
}

function rounded(percent: number): number {
  return Math.round(percent * 10_000) / 10_000
}

function drawnSpans(spans: readonly StorySpan[]): readonly StorySpan[] {
  if (spans.length <= SPANS_DRAWN_MAX) return spans
  const longest = spans.toSorted((a, b) => b.end_ms - b.start_ms - (a.end_ms - a.start_ms))
  return longest.slice(0, SPANS_DRAWN_MAX).toSorted((a, b) => a.start_ms - b.start_ms)
}

function laneTop(index: number): number {
  return LANES_TOP + index * LANE_HEIGHT + (LANE_HEIGHT - BAR_HEIGHT) / 2
}

/** One axis for each zoom; the style shows the one that fits. */
function axis(scale: Scale, zoom: number): Markup {
  const ticks = ticksOf(scale.durationMs, zoom).map(({ atMs, label }) => {
    const x = scale.width(atMs)
    const anchor = x > 97 ? 'end' : 'start'
    return html`<line x1="${x}%" x2="${x}%" y1="0" y2="${HEIGHT}"/><text x="${x}%" y="13" dx="${anchor === 'end' ? -4 : 4}" text-anchor="${anchor}">${label}</text>`
  })
  return html`<g class="axis axis-${zoom}">${ticks}</g>`
}

function markLine(mark: StoryMark, scale: Scale, before: StoryMark | undefined): Markup {
  const x = scale.percent(mark.at_ms)
  const anchor = x > 80 ? 'end' : 'start'
  const crowded = before !== undefined && x - scale.percent(before.at_ms) < MARK_PERCENT
  return html`<a class="mark ${mark.tone}" href="#e${mark.position}"><title>${mark.title}</title>
<line x1="${x}%" x2="${x}%" y1="${AXIS_HEIGHT}" y2="${HEIGHT}"/><circle cx="${x}%" cy="${AXIS_HEIGHT + 11}" r="4"/>
<text class="${crowded ? labelClass(LABEL_PERCENT_MIN / 4) : ''}" x="${x}%" y="${AXIS_HEIGHT + 15}" dx="${anchor === 'end' ? -9 : 9}" text-anchor="${anchor}">${mark.label}</text></a>`
}

function bar(span: StorySpan, scale: Scale, listed: ReadonlySet<number>): Markup {
  const width = Math.max(WIDTH_PERCENT_MIN, scale.width(span.end_ms - span.start_ms))
  const x = Math.min(100 - WIDTH_PERCENT_MIN, scale.percent(span.start_ms))
  const kind = span.lane === 'phase' ? `phase-${span.label}` : `${span.lane} ${span.tone}`
  const inner = html`<title>${span.title}</title><svg x="${x}%" y="${laneTop(LANES.indexOf(span.lane))}" width="${width}%" height="${BAR_HEIGHT}"><rect width="100%" height="100%" rx="3"/><text class="${labelClass(width)}" x="6" y="17">${span.label}</text></svg>`
  return listed.has(span.position)
    ? html`<a class="bar ${kind}${span.open && ' open'}" href="#e${span.position}">${inner}</a>`
    : html`<g class="bar ${kind}">${inner}</g>`
}

/** From which zoom on there is room for a label. */
function labelClass(widthPercent: number): string {
  const zoom = ZOOMS.find((zoom) => widthPercent * zoom >= LABEL_PERCENT_MIN)
  return zoom === undefined ? 'label-none' : `label-${zoom}`
}
