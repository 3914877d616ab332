/** The bare thing beside a turn: the same shell command, started and waited for, its output read. */
import { spawn } from 'node:child_process'
import { timed } from './harness.mjs'

export function spawnBare(command, env = process.env) {
  return timed(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env })
        child.stdout.resume()
        child.stderr.resume()
        child.on('error', reject)
        child.on('close', resolve)
      }),
  )
}
