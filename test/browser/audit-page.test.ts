import { describe, expect, it } from 'vitest'
import { domOf, driven, findBrowser } from '../support/browser.ts'
import { a, responseOf } from '../support/facts.ts'
import { but, pageOf, printed, timedTrail, type Timed } from '../support/timed-trail.ts'

const TEST_MS_MAX = 120_000
const EVIL = `</script><img src=x onerror="document.title='owned'"><svg onload="document.title='owned'">`
const long = 'a-very-long-word-without-any-room-to-break-'.repeat(8)

const session: Timed[] = [
  [0, a.startRequested({ task: EVIL, labels: { [EVIL]: EVIL } })],
  [50, a.claimed(1, long)],
  [100, a.started({ executor: { command: `${EVIL} ${long}` } })],
  [200, a.workspaceCreated()],
  [300, a.turnStarted(1, 'first', EVIL)],
  [2_300, but(a.stalled(1), { stdout: printed(EVIL) })],
  [3_300, a.turnStarted(2, 'stall_restart', EVIL)],
  [9_000, but(a.exited(2, responseOf('done', { summary: EVIL })), { stdout: printed(`${EVIL}\n${long}`) })],
  [9_100, a.completed(2, 'done', { summary: EVIL })],
  [9_200, a.sessionCompleted()],
  [9_300, a.captured()],
  [9_400, a.closed('completed', 2)],
]

const browser = findBrowser()
const where = 'CHROMIUM_BIN, or chromium or google-chrome on the PATH'

describe('the audit page in a real browser', { timeout: TEST_MS_MAX }, () => {
  const suite = browser === null ? unchecked : () => checked(browser)
  suite()
})

function unchecked(): void {
  it(`WAS NOT CHECKED: no browser is installed (${where})`, () => {
    console.warn(`The audit page was not checked in a browser: none is installed (${where}).`)
    expect(findBrowser()).toBeNull()
  })
}

function checked(browser: string): void {
  it('runs its own script and nothing that a session said', async () => {
    const { page } = await pageOf(timedTrail(session))
    const dom = await domOf(browser, page)
    expect(dom).toContain('<title>S1 · completed · session audit</title>')
    expect(dom).not.toContain('<img')
    expect(dom).not.toMatch(/<[^>]*\sonload=/)
    expect(dom).toContain('<p class="tools" id="event-tools">')
  })

  it('runs nothing foreign even where escaping had failed', async () => {
    const { page } = await pageOf(timedTrail(session))
    const holed = page.replace(
      '</main>',
      `${EVIL.slice('</script>'.length)}<script>document.title='owned'</script></main>`,
    )
    const dom = await domOf(browser, holed)
    expect(dom).toContain('<img')
    expect(dom).toContain('<title>S1 · completed · session audit</title>')
    expect(await domOf(browser, driven(holed, ''))).toContain('<title>owned</title>')
  })

  it('asks the network for nothing and fits a phone', async () => {
    const { page } = await pageOf(timedTrail(session))
    const report = `document.title = JSON.stringify({
      requests: performance.getEntriesByType('resource').length,
      tooWide: document.documentElement.scrollWidth > innerWidth,
      phone: innerWidth < 600 })`
    const dom = await domOf(browser, driven(page, report), { width: 390 })
    expect(/<title>([^<]*)</.exec(dom)?.[1]).toBe(JSON.stringify({ requests: 0, tooWide: false, phone: true }))
  })

  it.each(['light', 'dark'])('can be read in %s: contrast of all text is at least 4.5', async (scheme) => {
    const { page } = await pageOf(timedTrail(session))
    const flags =
      scheme === 'dark' ? ['--blink-settings=preferredColorScheme=0'] : ['--blink-settings=preferredColorScheme=1']
    const dom = await domOf(browser, driven(page, CONTRAST), { flags })
    expect(/<title>([^<]*)</.exec(dom)?.[1]).toBe(`${scheme}: `)
  })

  it('computes the hash chain anew, and sees a change', async () => {
    const { page } = await pageOf(timedTrail(session))
    const click = "document.getElementById('check-record').click()"
    expect(await domOf(browser, driven(page, click))).toContain('✓ 12 events, the chain is whole')
    const forged = page.replace('"outcome":"meaningful_completion"', '"outcome":"no_op_success"')
    expect(forged).not.toBe(page)
    expect(await domOf(browser, driven(forged, click))).toContain('✗ event 9 is not what its hash says')
  })

  it('opens the event that a link leads to', async () => {
    const { page } = await pageOf(timedTrail(session))
    const follow =
      "document.querySelector('a.bar.turn').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))"
    expect(await domOf(browser, driven(page, follow))).toContain('<li id="e5"><details open="">')
  })
}

/** Writes which texts stand out too little from what is behind them into the title. */
const CONTRAST = `
const rgb = (css) => css.match(/[\\d.]+/g).map(Number)
const luminance = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0)
const ratio = (x, y) => { const [a, b] = [luminance(x), luminance(y)].sort((p, q) => q - p); return (a + .05) / (b + .05) }
const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c } return [255, 255, 255] }
document.querySelectorAll('details').forEach((details) => { details.open = true })
const poor = new Set()
for (const element of document.body.querySelectorAll('*')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
  if (!own || ['SCRIPT', 'STYLE', 'TITLE'].includes(element.tagName.toUpperCase()) || element.closest('svg')) continue
  const found = ratio(rgb(getComputedStyle(element).color), behind(element))
  if (found < 4.5) poor.add(element.tagName + '.' + element.className + ' ' + found.toFixed(2))
}
for (const text of document.querySelectorAll('svg .bar text')) {
  const found = ratio(rgb(getComputedStyle(text).fill), rgb(getComputedStyle(text.previousElementSibling).fill))
  if (found < 4.5) poor.add('bar ' + text.textContent + ' ' + found.toFixed(2))
}
document.title = (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') + ': ' + [...poor].join(', ')
`
