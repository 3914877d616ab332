import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { processesWith } from '../../src/adapters/nats/embedded-processes.ts'
import { temporaryDirectory } from '../support/repositories.ts'

/** The pid of a program that has written something; it ends with the test. */
async function started(command: string, args: readonly string[]): Promise<number> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

it('a server is known by all of its arguments, not by their end', async () => {
  const directory = await temporaryDirectory()
  const args = ['-c', 'echo there; read line', join(directory, 'nats.conf')]
  const pid = await started('/bin/sh', args)
  expect(processesWith(args).map((found) => found.pid)).toEqual([pid])
  expect(processesWith(args.slice(1))).toEqual([])
  expect(processesWith(['-c', join(directory, 'nats.conf')])).toEqual([])
})
