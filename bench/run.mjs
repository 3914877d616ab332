/**
 * Runs all benchmarks, or those named, one after the other; prints their JSON lines and writes the table between the
 * markers of docs/performance.md. With `--quick` nothing is written: the figures mean nothing
 * then. `--list` names the scripts.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { machine } from './harness.mjs'

const SCRIPTS = [
  'append',
  'append-many',
  'turn',
  'session',
  'replay',
  'views',
  'verify',
  'catch-up',
  'fan-out',
  'alive',
  'crash',
  'cli',
  'growth',
]
const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const BEGIN = '<!-- bench: begin -->'
const END = '<!-- bench: end -->'

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const quick = process.argv.includes('--quick')
if (process.argv.includes('--list')) {
  console.log(SCRIPTS.join('\n'))
  process.exit(0)
}
const lines = []
let failed = false
for (const script of SCRIPTS.filter((name) => named.length === 0 || named.includes(name))) {
  const { code, found } = await run(script)
  lines.push(...found)
  if (code !== 0) failed = true
}
if (!quick && named.length === 0 && !failed && existsSync(PAGE)) writeTable()
process.exit(failed ? 1 : 0)

async function run(script) {
  const path = fileURLToPath(new URL(`${script}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [path, ...(quick ? ['--quick'] : [])], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const found = []
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line)
    found.push(JSON.parse(line))
  }
  const code = await ended
  if (code !== 0) console.error(`${script} ended with ${code}`)
  return { code, found }
}

function writeTable() {
  const { cpu, cores, memory_gib, node, kernel } = machine()
  const rows = lines.map(({ what, bare, bar, value, pass, ours, theirs }) => {
    const met = pass === null ? '' : pass ? 'yes' : '**no**'
    return `| ${[what, bare, bar, value, met, ours, theirs].join(' | ')} |`
  })
  const table = [
    '| what | beside | bar | measured | met | ours | theirs |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `Machine: ${cpu}, ${cores} cores, ${memory_gib} GiB, Linux ${kernel}, Node ${node}.`,
  ]
  const page = readFileSync(PAGE, 'utf8')
  const before = page.slice(0, page.indexOf(BEGIN) + BEGIN.length)
  writeFileSync(PAGE, `${before}\n${table.join('\n')}\n${page.slice(page.indexOf(END))}`)
}
