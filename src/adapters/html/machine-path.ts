/** The states that the machine entered, phase by phase, each linked to the event that led there. */
import type { PathStep } from '../../runtime/audit.ts'
import { html, type Markup } from './markup.ts'

/** Of a longer path the beginning and the end are shown. */
const HEAD_STEPS_MAX = 400
const TAIL_STEPS_MAX = 100

type Visit = { phase: string; steps: { name: string; step: PathStep }[] }

export function machinePath(path: readonly PathStep[]): Markup {
  const isLong = path.length > HEAD_STEPS_MAX + TAIL_STEPS_MAX
  if (!isLong) return html`<ol class="path">${visitsOf(path).map(visit)}</ol>`
  const left = path.length - HEAD_STEPS_MAX - TAIL_STEPS_MAX
  return html`<ol class="path">${visitsOf(path.slice(0, HEAD_STEPS_MAX)).map(visit)}</ol>
<p class="note">${left} further states are left out here; the list of events has all that led to them.</p>
<ol class="path">${visitsOf(path.slice(-TAIL_STEPS_MAX)).map(visit)}</ol>`
}

function visitsOf(path: readonly PathStep[]): Visit[] {
  const visits: Visit[] = []
  for (const step of path) {
    const [phase = '', ...rest] = step.to.split('.')
    const entered = { name: rest.join('.'), step }
    const last = visits.at(-1)
    if (last?.phase === phase) last.steps.push(entered)
    else visits.push({ phase, steps: [entered] })
  }
  return visits
}

function visit({ phase, steps }: Visit): Markup {
  const [first] = steps
  const inner = steps.filter(({ name }) => name !== '')
  return html`<li class="visit phase-${phase}"><a class="phase-name" href="#e${first?.step.position ?? 0}">${phase}</a>${inner.length > 0 && html`<ol>${inner.map(state)}</ol>`}</li>`
}

function state({ name, step }: Visit['steps'][number]): Markup {
  return html`<li><a href="#e${step.position}" title="${step.type} at ${step.time}">${name}</a></li>`
}
