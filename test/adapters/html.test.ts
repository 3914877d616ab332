import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { html, jsonForPeople, jsonForScript } from '../../src/adapters/html/markup.ts'
import { ticksOf } from '../../src/adapters/html/time-axis.ts'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { readAudit, readTexts, TEXT_BYTES_MAX } from '../../src/runtime/audit.ts'
import { auditPage } from '../../src/adapters/html/audit-page.ts'
import { a, responseOf } from '../support/facts.ts'
import { eventsOf, histories } from '../support/histories.ts'
import { at, but, pageOf, portsWith, printed, timedTrail, type Timed } from '../support/timed-trail.ts'

const EVIL = `</script><img src=x onerror="document.title='owned'">'\`&lt;`

const evilResponse = responseOf('done', {
  summary: EVIL,
  evidence_refs: [EVIL],
  tool_calls: [{ name: EVIL, input: { command: EVIL } }],
})
const evil: Timed[] = [
  [0, a.startRequested({ task: EVIL, labels: { [EVIL]: EVIL }, objective_id: EVIL })],
  [50, a.claimed(1, EVIL)],
  [100, a.started({ executor: { command: EVIL } })],
  [200, a.workspaceCreated()],
  [300, a.turnStarted(1, 'first', EVIL)],
  [900, but(a.exited(1, evilResponse), { stdout: printed(EVIL) })],
  [950, a.tool(1, 0, EVIL)],
  [1_000, a.completed(1, 'done', { summary: EVIL })],
  [1_100, a.sessionCompleted()],
  [1_200, a.captured()],
  [1_300, a.closed('completed', 1)],
]

describe('markup', () => {
  it('escapes every text and lets only its own pass', () => {
    expect(html`<a title="${'"><b>\'`&'}">${html`<i>${'<'}</i>`}${['x', 2]}${null}${false}</a>`.markup).toBe(
      '<a title="&quot;&gt;&lt;b&gt;&#39;&#96;&amp;"><i>&lt;</i>x2</a>',
    )
    expect(html`${'a\u001B[31mb\u0000\u202E\nc'}`.markup).toBe('ab\nc')
  })

  it('keeps JSON the same inside a script, and shows what can not be seen', () => {
    const value = { text: '</script><!--\u2028&' }
    const { markup } = jsonForScript(JSON.stringify(value))
    expect(markup).not.toMatch(/[<>&\u2028]/)
    expect(JSON.parse(markup)).toEqual(value)
    expect(jsonForPeople('a\u202Eb\u009Bc\u0000')).toBe('"a\\u202eb\\u009bc\\u0000"')
  })
})

describe('the audit page', () => {
  it('lets nothing that a session said become markup', async () => {
    const { page } = await pageOf(timedTrail(evil))
    expect(page).not.toContain('<img')
    expect(page.match(/<script/g)).toHaveLength(2)
    expect(page.match(/<\/script>/g)).toHaveLength(2)
    expect(page).toContain('&lt;/script&gt;&lt;img src=x onerror=&quot;document.title=&#39;owned&#39;&quot;&gt;')
    expect(page).not.toMatch(/<[^>]*\s(on\w+|style)=/)
    expect(page).toContain('<li>input: &lt;/script&gt;&lt;img src=x onerror=')
  })

  it('asks for nothing else and allows nothing else', async () => {
    const { page } = await pageOf(timedTrail(evil))
    expect(page).not.toMatch(/\s(src|srcset|action|data|poster|ping)="/)
    expect(page).not.toMatch(/<(link|iframe|object|embed|base|form)\b/)
    expect(page).not.toMatch(/@import|url\(/)
    expect([...page.matchAll(/href="([^"]*)"/g)].filter(([, target]) => !target?.startsWith('#'))).toEqual([])
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'") ?? ''
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/,
    )
    for (const element of ['style', 'script']) {
      const text = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page)?.[1] ?? ''
      expect(policy).toContain(`'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    }
  })

  it('leads to what is there, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories.filter((history) => history.steps.length > 0),
        async (history) => {
          const events = eventsOf(history).map((event, index): RecordedEvent => ({ ...event, position: index + 1 }))
          const { page, audit } = await pageOf(events)
          expect(audit.soundness).toMatchObject({ ok: true, bad: null })
          const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1])
          expect(new Set(ids).size).toBe(ids.length)
          const targets = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
          expect(targets.filter((target) => !ids.includes(target))).toEqual([])
        },
      ),
      { numRuns: 25 },
    )
  })

  it('says loudly when the record is not sound', async () => {
    const trail = timedTrail(evil)
    const forged = trail.map((event) =>
      event.type === 'turn.started' ? { ...event, data: { ...event.data, task: 'other' } } : event,
    )
    const { page, audit } = await pageOf(forged)
    expect(audit.soundness).toMatchObject({ ok: false, bad: { position: 5 } })
    expect(page).toContain('This record is not sound')
    const { audit: illegal } = await pageOf(
      timedTrail([
        [0, a.startRequested()],
        [10, a.turnStarted()],
      ]),
    )
    expect(illegal.soundness).toMatchObject({ ok: false, bad: { position: 2 } })
    expect(illegal.soundness.bad?.reason).toContain('turn.started is not possible in queued')
  })

  it('shows the patch and the outputs, and says what was cut or is missing', async () => {
    const trail = timedTrail(evil)
    const ports = await portsWith(trail)
    const patch = await ports.artifacts.put('--- a\n+++ b\n-old <b>\n+new\n')
    const large = await ports.artifacts.put(`begin${'x'.repeat(TEXT_BYTES_MAX)}end`)
    const events = trail.map((event): RecordedEvent => {
      if (event.type === 'workspace.captured') return { ...event, data: { ...event.data, patch } }
      if (event.type !== 'turn.exited') return event
      return { ...event, data: { ...event.data, stdout: { ...event.data.stdout, artifact: large } } }
    })
    const texts = await readTexts(ports, events)
    expect(texts.map(({ kind, turn, note }) => [kind, turn, note])).toEqual([
      ['prompt', 1, expect.stringMatching(/^not shown: /)],
      ['stdout', 1, `cut: the last ${TEXT_BYTES_MAX} of ${TEXT_BYTES_MAX + 8} bytes`],
      ['patch', null, null],
    ])
    expect(texts[1]?.text?.endsWith('xend')).toBe(true)
    const page = auditPage(await readAudit(ports, 'S1'), texts, at(0))
    expect(page).toContain('<span class="del">-old &lt;b&gt;</span>')
    expect(page).toContain(`cut: the last ${TEXT_BYTES_MAX} of`)
  })

  it.each([
    ['an instant', 0],
    ['a week', 7 * 86_400_000],
  ])('draws a session of %s so that each part can be seen', async (_, holdMs) => {
    const { page } = await pageOf(
      timedTrail([
        ...evil.slice(0, 4).map(([, fact]): Timed => [0, fact]),
        [0, a.turnStarted(1)],
        [0, a.exited(1, responseOf('blocked'))],
        [0, a.completed(1, 'blocked')],
        [0, a.sessionBlocked('executor_blocked', holdMs)],
        [holdMs, a.stop()],
        [holdMs, a.captured()],
        [holdMs, a.closed('blocked', 1)],
      ]),
    )
    const widths = [...page.matchAll(/<svg x="([\d.]+)%" y="[\d.]+" width="([\d.]+)%"/g)].map(
      (match) => [Number(match[1]), Number(match[2])] as const,
    )
    expect(widths.length).toBeGreaterThan(3)
    for (const [x, width] of widths) {
      expect(width).toBeGreaterThanOrEqual(0.35)
      expect(x).toBeLessThan(100)
    }
    expect(page).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('draws long rows of progress together', async () => {
    const many = Array.from({ length: 500 }, (_, index): Timed => [1_000 * index, a.progressed(1, index + 1)])
    const { page } = await pageOf(timedTrail([...evil.slice(0, 4), [300, a.turnStarted(1)], ...many]))
    expect(page).toContain('500 × <code class="type">turn.progressed</code>')
    expect(page.match(/<li id="e/g)).toHaveLength(5)
  })
})

describe('ticks', () => {
  it.each([1, 40, 999, 61_000, 3_600_000, 604_800_000, 31_536_000_000])(
    'of %i ms are few, even and in range',
    (duration) => {
      for (const screens of [1, 4, 64]) {
        const ticks = ticksOf(duration, screens).map(({ atMs }) => atMs)
        expect(ticks.length).toBeLessThanOrEqual(7 * screens + 1)
        expect(ticks.length).toBeGreaterThan(1)
        expect(Math.max(...ticks)).toBeLessThanOrEqual(duration)
        expect(new Set(ticks.slice(1).map((tick, index) => tick - (ticks[index] ?? 0))).size).toBe(1)
      }
    },
  )
})
