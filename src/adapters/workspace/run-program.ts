/** Runs a program to its end and keeps what it prints. Node's own `spawn`, because a workspace takes many runs of git. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'

export type ProgramOptions = {
  cwd: string | undefined
  /** The whole environment. */
  env: Readonly<Record<string, string>>
  /** Written to its standard input, which is closed otherwise. */
  input: Uint8Array | undefined
  /** Where its output goes instead of into the result. */
  stdoutFile: string | undefined
  /** After that it is asked to end (SIGTERM). */
  timeoutMs: number
  /** Of either stream. */
  outputBytesMax: number
}
export type ProgramResult = { exitCode: number; stdout: Buffer; stderr: Buffer }

/** Throws when it can't be started, is ended by a signal (too slow, too much output), or can't be read. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const target = options.stdoutFile === undefined ? null : await open(options.stdoutFile, 'w')
  try {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      timeout: options.timeoutMs,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', target?.fd ?? 'pipe', 'pipe'],
    })
    return await resultOf(child, options)
  } finally {
    await target?.close()
  }
}

async function resultOf(child: ChildProcess, { input, outputBytesMax }: ProgramOptions): Promise<ProgramResult> {
  running.add(child)
  try {
    const stop = () => void child.kill()
    const stdout = collect(child.stdout, outputBytesMax, stop)
    const stderr = collect(child.stderr, outputBytesMax, stop)
    // A program may end without reading all of its input; its exit code tells whether that was a fault.
    child.stdin?.on('error', () => undefined).end(input)
    const [exitCode, signal]: (number | string | null)[] = await once(child, 'close')
    if (typeof exitCode !== 'number') throw new Error(`ended by ${signal ?? 'a signal'}`)
    return { exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }
  } finally {
    running.delete(child)
  }
}

function collect(stream: Readable | null, bytesMax: number, stop: () => void): Buffer[] {
  const chunks: Buffer[] = []
  let bytes = 0
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bytesMax) chunks.push(chunk)
    else stop()
  })
  return chunks
}

/** None outlives this process. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill()
})
