import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ProgramOptions, runProgram } from '../../src/adapters/workspace/run-program.ts'
import { temporaryDirectory } from '../support/repositories.ts'

function shell(script: string, change: Partial<ProgramOptions> = {}) {
  const env = { PATH: process.env['PATH'] ?? '' }
  const usual = { cwd: '/', env, input: undefined, stdoutFile: undefined, timeoutMs: 60_000, outputBytesMax: 1_000_000 }
  return runProgram('sh', ['-c', script], { ...usual, ...change })
}

describe('a program', () => {
  it('has its output and exit code kept apart, whatever they are', async () => {
    const { exitCode, stdout, stderr } = await shell('pwd; echo no >&2; exit 7')
    expect([exitCode, stdout.toString(), stderr.toString()]).toEqual([7, '/\n', 'no\n'])
  })

  it('gets its input, or a closed one, and need not read it', async () => {
    const input = Buffer.alloc(300_000, 'x')
    expect((await shell('wc -c', { input })).stdout.toString().trim()).toBe('300000')
    expect((await shell('cat')).stdout).toHaveLength(0)
    expect(await shell('exit 3', { input })).toMatchObject({ exitCode: 3 })
  })

  it('writes into a file', async () => {
    const stdoutFile = join(await temporaryDirectory(), 'out')
    const { stdout } = await shell('printf "a\\0b"', { stdoutFile })
    expect([stdout.length, await readFile(stdoutFile, 'latin1')]).toEqual([0, 'a\0b'])
  })

  it('is ended when it takes too long or prints too much', async () => {
    await expect(shell('exec sleep 60', { timeoutMs: 1 })).rejects.toThrow('ended by SIGTERM')
    await expect(shell('exec yes')).rejects.toThrow('ended by SIGTERM')
  })

  it('that can not be started says why', async () => {
    await expect(shell('true', { cwd: '/nowhere/at/all' })).rejects.toThrow('ENOENT')
  })
})
