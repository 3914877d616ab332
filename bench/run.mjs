/**
 * Runs all benchmarks, or those named, one after the other, and prints their JSON lines. A run of all of them that ends
 * well writes the tables of the documentation; with `--quick` nothing is written: the figures mean nothing then.
 * `--from FILE` writes the tables from lines that were kept earlier, and runs nothing. `--list` names the scripts.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeTables } from './tables.mjs'

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
  'runners',
]

const options = { quick: { type: 'boolean' }, list: { type: 'boolean' }, from: { type: 'string' } }
const { values, positionals: named } = parseArgs({ options, allowPositionals: true })
const unknown = named.filter((name) => !SCRIPTS.includes(name))
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are ${SCRIPTS.join(', ')}`)
  process.exit(2)
}

if (values.list) console.log(SCRIPTS.join('\n'))
else if (values.from !== undefined) tell(readFileSync(values.from, 'utf8').trim().split('\n').map(JSON.parse))
else await runAll()

async function runAll() {
  const lines = []
  let failed = false
  for (const script of SCRIPTS.filter((name) => named.length === 0 || named.includes(name))) {
    const { code, found } = await run(script)
    lines.push(...found)
    if (code !== 0) failed = true
  }
  if (!values.quick && named.length === 0 && !failed) tell(lines)
  if (failed) process.exitCode = 1
}

function tell(lines) {
  console.error(`written: ${writeTables(lines).join(', ')}`)
}

async function run(script) {
  const path = fileURLToPath(new URL(`${script}.mjs`, import.meta.url))
  const given = values.quick ? ['--quick'] : []
  const child = spawn(process.execPath, [path, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
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
