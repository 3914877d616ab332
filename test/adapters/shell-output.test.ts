import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { OUTPUT_CHUNK_CHARS_MAX } from '../../src/adapters/shell/output-capture.ts'
import { OutputTail, TAIL_BYTES_MAX } from '../../src/adapters/shell/output-tail.ts'
import { localShell } from '../../src/adapters/shell/shell.ts'
import { SpoolFile } from '../../src/adapters/shell/spool-file.ts'
import { shellRun, temporaryDirectory } from '../support/processes.ts'

const shell = localShell()
const temporary = temporaryDirectory()
afterAll(temporary.remove)
let directories = 0
const newDirectory = () => join(temporary.path, String(directories++))

describe('captured output', () => {
  it('keeps the last 4 KiB and counts everything', async () => {
    const { stdout } = await shell.run(shellRun('seq 1 5000'))
    const whole = Array.from({ length: 5000 }, (_, index) => `${index + 1}\n`).join('')
    expect(stdout).toEqual({ tail: whole.slice(-TAIL_BYTES_MAX), bytes: whole.length, clipped: true, file: null })
  })

  it('does not call an output clipped that just fits', async () => {
    const fits = await shell.run(shellRun(`head -c ${TAIL_BYTES_MAX} /dev/zero | tr '\\0' x`))
    expect(fits.stdout).toMatchObject({ bytes: TAIL_BYTES_MAX, clipped: false, tail: 'x'.repeat(TAIL_BYTES_MAX) })
  })

  it('takes a huge line without an end, in pieces of bounded length', async () => {
    const lengths: number[] = []
    const onOutput = (_stream: string, chunk: string) => lengths.push(chunk.length)
    const { stdout } = await shell.run(shellRun("head -c 3000000 /dev/zero | tr '\\0' x", { onOutput }))
    expect(stdout).toMatchObject({ bytes: 3_000_000, tail: 'x'.repeat(TAIL_BYTES_MAX) })
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(3_000_000)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(OUTPUT_CHUNK_CHARS_MAX)
  })

  it('puts a character together that comes in two writes', async () => {
    const chunks: string[] = []
    const command = "printf '\\342\\202'; read wait < go; printf '\\254 ok'"
    const cwd = newDirectory()
    mkdirSync(cwd)
    const run = shellRun(`mkfifo go; (exec 3> go; printf . >&2; echo >&3) & ${command}`, {
      cwd,
      onOutput: (_stream, chunk) => chunks.push(chunk),
    })
    expect((await shell.run(run)).stdout).toMatchObject({ tail: '€ ok', bytes: 6 })
    expect(chunks.join('')).not.toContain('\ufffd')
  })

  it('shows invalid UTF-8 as replacement characters', async () => {
    const { stdout } = await shell.run(shellRun("printf 'a\\377b\\300\\200c\\342\\202'"))
    expect(stdout).toMatchObject({ tail: 'a\ufffdb\ufffd\ufffdc\ufffd', bytes: 8 })
  })

  it('takes a flood in bounded memory, kept in a bounded file', async () => {
    const bytes = 150_000_000
    const spool = newDirectory()
    const before = process.memoryUsage().rss
    let peak = 0
    let count = 0
    const onOutput = () => {
      if (count++ % 100 === 0) peak = Math.max(peak, process.memoryUsage().rss)
    }
    const { stdout, error } = await shell.run(shellRun(`yes 0123456789abcde | head -c ${bytes}`, { spool, onOutput }))
    expect(error).toBeNull()
    expect(stdout).toMatchObject({ bytes, clipped: true, file: join(spool, 'stdout') })
    expect(statSync(join(spool, 'stdout')).size).toBeLessThan(64 * 1_048_576 + 100)
    expect(peak - before).toBeLessThan(bytes / 2)
  })

  it('redacts what leaves it, also a secret that comes in two writes', async () => {
    const chunks: string[] = []
    const spool = newDirectory()
    mkdirSync(spool, { mode: 0o700 })
    const command = 'printf "[$API_KEY] hunt"; read wait < go; printf "er2 %s" "$API_KEY" >&2; printf "er2-long end"'
    const result = await shell.run(
      shellRun(`mkfifo go; (exec 3> go; echo >&3) & ${command}`, {
        cwd: spool,
        spool,
        env: { PATH: process.env['PATH'] ?? '', API_KEY: 'sk-12345' },
        secrets: { API_KEY: 'sk-12345', SHORT: 'hunter2', LONG: 'hunter2-long' },
        onOutput: (stream, chunk) => chunks.push(`${stream}:${chunk}`),
      }),
    )
    expect(result.stdout.tail).toBe('[[redacted:API_KEY]] [redacted:LONG] end')
    expect(result.stderr.tail).toBe('er2 [redacted:API_KEY]')
    expect(readFileSync(join(spool, 'stdout'), 'utf8')).toBe(result.stdout.tail)
    expect(readFileSync(join(spool, 'stderr'), 'utf8')).toBe(result.stderr.tail)
    expect(chunks.join('')).not.toMatch(/hunt|sk-/)
  })

  it('redacts a beginning of a secret only when the secret comes', async () => {
    const run = shellRun('printf hunte', { secrets: { T: 'hunter2' } })
    expect((await shell.run(run)).stdout.tail).toBe('hunte')
  })
})

describe('OutputTail', () => {
  it('is the end of the text, whatever the pieces', () => {
    const pieces = fc.array(fc.string({ unit: 'binary', maxLength: 3000 }), { maxLength: 8 })
    fc.assert(
      fc.property(pieces, (texts) => {
        const tail = new OutputTail()
        for (const text of texts) tail.push(text)
        const whole = texts.join('')
        const read = tail.read()
        expect(whole.endsWith(read.tail)).toBe(true)
        expect(read.clipped).toBe(read.tail !== whole)
        const bytes = Buffer.byteLength(read.tail)
        expect(bytes).toBeLessThanOrEqual(TAIL_BYTES_MAX)
        expect(bytes).toBeGreaterThan(read.clipped ? TAIL_BYTES_MAX - 4 : -1)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the spool', () => {
  it('keeps a whole output in a private file', async () => {
    const spool = newDirectory()
    const { stdout, stderr } = await shell.run(shellRun('seq 1 5000', { spool }))
    expect(stdout.file).toBe(join(spool, 'stdout'))
    expect(readFileSync(join(spool, 'stdout'), 'utf8')).toHaveLength(stdout.bytes)
    expect(statSync(spool).mode & 0o777).toBe(0o700)
    expect(statSync(join(spool, 'stdout')).mode & 0o777).toBe(0o600)
    expect(stderr.file).toBeNull()
  })

  it('keeps every piece in its place, also those read after the process is gone', async () => {
    const spool = newDirectory()
    const pieces: string[] = []
    const onOutput = (_stream: string, piece: string) => pieces.push(piece)
    await shell.run(shellRun('seq 1 40000', { spool, onOutput }))
    const whole = Array.from({ length: 40_000 }, (_, index) => `${index + 1}\n`).join('')
    expect(pieces.join('') === whole).toBe(true)
    expect(readFileSync(join(spool, 'stdout'), 'utf8') === whole).toBe(true)
  })

  it('does not disturb the run when it can not be written', async () => {
    const spool = newDirectory()
    writeFileSync(spool, '')
    const result = await shell.run(shellRun('seq 1 50000', { spool }))
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0, stdout: { bytes: 288_894, file: null } })
    expect(result.error).toMatch(/^stdout could not be kept: E/)
  })

  it('does not follow a link that lies in its place', async () => {
    const spool = newDirectory()
    mkdirSync(spool)
    symlinkSync(join(temporary.path, 'elsewhere'), join(spool, 'stdout'))
    expect(await shell.run(shellRun('echo hi', { spool }))).toMatchObject({ exitCode: 0, stdout: { file: null } })
  })

  it('keeps beginning and end of what is too long, and says what is missing', async () => {
    const path = join(newDirectory(), 'stdout')
    const spool = new SpoolFile(path, { headBytesMax: 10, tailBytesMax: 6 })
    for (const text of ['0123456', '789', 'abc', 'defgh', '€', 'yz']) await spool.write(text)
    expect(await spool.close()).toBe(path)
    expect(readFileSync(path, 'utf8')).toBe('0123456789\n[swarmtrail: 7 bytes left out here]\nh€yz')
  })

  it('leaves nothing out of what just fits', async () => {
    const path = join(newDirectory(), 'stdout')
    const spool = new SpoolFile(path, { headBytesMax: 10, tailBytesMax: 6 })
    for (const text of ['012345678', '9abc', 'de']) await spool.write(text)
    await spool.close()
    expect(readFileSync(path, 'utf8')).toBe('0123456789abcde')
  })
})
