/** A real browser, where one is installed: loads a file without any network and gives the page as it then is. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const LOAD_MS_MAX = 60_000
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND',
]

/** `CHROMIUM_BIN`, or Chromium or Chrome where it usually is; null when there is none. */
export function findBrowser(): string | null {
  const given = process.env['CHROMIUM_BIN']
  if (given !== undefined && given !== '') return given
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin']
  const candidates = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)))
  return candidates.find((path) => existsSync(path)) ?? null
}

export type Load = { width?: number; flags?: readonly string[] }

/** The page's elements after its scripts have run, as HTML. */
export async function domOf(browser: string, page: string, { width = 1_280, flags = [] }: Load = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'swarmtrail-browser-'))
  try {
    const file = join(directory, 'page.html')
    await writeFile(file, page)
    const { stdout } = await execa(
      browser,
      [
        ...FLAGS,
        ...flags,
        `--user-data-dir=${join(directory, 'profile')}`,
        `--window-size=${width},844`,
        '--virtual-time-budget=5000',
        '--dump-dom',
        pathToFileURL(file).href,
      ],
      { timeout: LOAD_MS_MAX, stdin: 'ignore' },
    )
    return stdout
  } finally {
    // The browser's children may still be writing their profile for a moment.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

/** The page with a script of the test in it, which the page's own policy would rightly refuse. */
export function driven(page: string, script: string): string {
  return page
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
    .replace('</body>', `<script>${script}</script></body>`)
}
