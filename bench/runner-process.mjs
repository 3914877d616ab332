/** `swarmtrail runner` in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

/** Starts one for the embedded server of a directory; `ready` resolves when it serves. */
export function startRunner(dir, workflow, capacity = 4) {
  const args = ['runner', '--dir', dir, '--workflow', workflow, '--capacity', String(capacity), '--drain-ms', '0']
  const child = spawn(process.execPath, [CLI, ...args], { cwd: dirname(dir), stdio: ['ignore', 'ignore', 'pipe'] })
  return { child, ready: serves(child) }
}

async function serves(child) {
  const lines = []
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes(' serves namespace ')) {
      child.stderr.resume()
      return
    }
    lines.push(line)
  }
  throw new Error(`the runner did not start: ${lines.join('\n')}`)
}

export async function endRunner({ child }) {
  child.kill('SIGTERM')
  await once(child, 'exit')
}
