import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fileScratch } from '../../src/adapters/system/scratch.ts'
import { temporaryDirectory } from '../support/processes.ts'

const temporary = temporaryDirectory()
afterAll(temporary.remove)
const root = join(temporary.path, 'deep', 'scratch')
const scratch = fileScratch(root)
const modeOf = (path: string) => statSync(path).mode & 0o777
const refused = (reason: string) =>
  expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(reason) })

describe('turn directories', () => {
  it('are private, one per turn of a session', async () => {
    const path = await scratch.turnDirectory('s1', 3)
    expect(path).toBe(join(root, 's1', 'turn-3'))
    expect([root, join(root, 's1'), path].map(modeOf)).toEqual([0o700, 0o700, 0o700])
  })

  it('are made private again', async () => {
    const path = await scratch.turnDirectory('s2', 1)
    chmodSync(path, 0o777)
    expect(await scratch.turnDirectory('s2', 1)).toBe(path)
    expect(modeOf(path)).toBe(0o700)
  })

  it('are refused for what is no session id or turn number', async () => {
    await expect(scratch.turnDirectory('../s', 1)).rejects.toEqual(refused('session id'))
    await expect(scratch.turnDirectory('s', 1.5)).rejects.toEqual(refused('turn number'))
  })

  it('are refused where something else lies', async () => {
    const path = await scratch.turnDirectory('s3', 1)
    rmSync(path, { recursive: true })
    symlinkSync(temporary.path, path)
    await expect(scratch.turnDirectory('s3', 1)).rejects.toEqual(refused('is not a directory'))
    rmSync(path)
    writeFileSync(path, '')
    await expect(scratch.turnDirectory('s3', 1)).rejects.toMatchObject({ code: 'runner_error' })
  })
})

describe('files', () => {
  it('come back as they were written, private, and leave no draft', async () => {
    const turn = await scratch.turnDirectory('files', 1)
    const path = scratch.join(turn, 'request.json')
    await scratch.write(path, 'old')
    await scratch.write(path, 'nëw')
    expect(await scratch.read(path, 4)).toBe('nëw')
    expect(modeOf(path)).toBe(0o600)
    expect(readdirSync(turn)).toEqual(['request.json'])
  })

  it('do not write through a link', async () => {
    const turn = await scratch.turnDirectory('files', 2)
    const target = join(temporary.path, 'target')
    writeFileSync(target, 'untouched')
    symlinkSync(target, join(turn, 'link'))
    await scratch.write(join(turn, 'link'), 'new')
    expect(readFileSync(target, 'utf8')).toBe('untouched')
    expect(await scratch.read(join(turn, 'link'), 100)).toBe('new')
  })

  it('leave no draft when they can not be written', async () => {
    const turn = await scratch.turnDirectory('files', 3)
    mkdirSync(join(turn, 'taken', 'by'), { recursive: true })
    await expect(scratch.write(join(turn, 'taken'), 'x')).rejects.toMatchObject({ code: 'runner_error' })
    expect(readdirSync(turn)).toEqual(['taken'])
  })

  it('are null when there is none', async () => {
    const turn = await scratch.turnDirectory('files', 4)
    writeFileSync(join(turn, 'file'), '')
    expect(await scratch.read(join(turn, 'none'), 10)).toBeNull()
    expect(await scratch.read(join(turn, 'file', 'none'), 10)).toBeNull()
    expect(await scratch.read(join(turn, 'file'), 10)).toBe('')
  })

  it('are read up to the allowed size and refused beyond', async () => {
    const path = join(await scratch.turnDirectory('files', 5), 'file')
    writeFileSync(path, 'x'.repeat(100_000))
    expect(await scratch.read(path, 100_000)).toHaveLength(100_000)
    await expect(scratch.read(path, 99_999)).rejects.toEqual(refused('is larger than 99999 bytes'))
  })

  it('are removed with all they hold, more than once', async () => {
    const turn = await scratch.turnDirectory('files', 6)
    await scratch.write(join(turn, 'a'), 'x')
    expect(await scratch.lookUp(turn, 'a')).toBe('inside')
    await scratch.remove(turn)
    await scratch.remove(turn)
    expect(await scratch.lookUp(turn, '.')).toBe('missing')
    expect(await scratch.lookUp(turn, 'a')).toBe('missing')
  })

  it('are not there below a file or a link to itself', async () => {
    const turn = await scratch.turnDirectory('files', 7)
    writeFileSync(join(turn, 'file'), '')
    symlinkSync('loop', join(turn, 'loop'))
    expect(await scratch.lookUp(turn, 'file/none')).toBe('missing')
    expect(await scratch.lookUp(turn, 'loop')).toBe('missing')
    await scratch.remove(join(turn, 'file', 'none'))
    expect(await scratch.lookUp(turn, 'file')).toBe('inside')
  })

  it('are looked for in any directory, and told apart from what lies outside of it', async () => {
    const base = join(temporary.path, 'any')
    mkdirSync(join(base, 'inner'), { recursive: true })
    mkdirSync(`${base}-other`)
    writeFileSync(join(base, 'inner', 'file'), '')
    const links = {
      near: 'inner/file',
      far: '/etc/passwd',
      beside: '../any-other',
      up: 'inner/../..',
      gone: '/nowhere',
    }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(base, name))
    symlinkSync(base, join(temporary.path, 'alias'))
    const wanted = {
      '.': 'inside',
      inner: 'inside',
      'inner/file': 'inside',
      near: 'inside',
      far: 'outside',
      beside: 'outside',
      up: 'outside',
      'up/any/near': 'inside',
      gone: 'missing',
      none: 'missing',
    }
    for (const [path, where] of Object.entries(wanted)) {
      expect([path, await scratch.lookUp(base, path)]).toEqual([path, where])
      expect([path, await scratch.lookUp(join(temporary.path, 'alias'), path)]).toEqual([path, where])
    }
  })

  it('are refused outside of the root', async () => {
    for (const path of ['/etc/hostname', join(root, '..', 'x'), root, `${root}-other/x`]) {
      await expect((async () => scratch.read(path, 10))()).rejects.toEqual(refused('does not lie inside'))
    }
  })
})

describe('what an executor may leave in place of a file', () => {
  it('is refused when it is a link, a directory, a FIFO, a socket or a device, and never waited for', async () => {
    const turn = await scratch.turnDirectory('odd', 1)
    writeFileSync(join(turn, 'file'), 'secret')
    symlinkSync(join(turn, 'file'), join(turn, 'link'))
    symlinkSync(join(turn, 'nowhere'), join(turn, 'dangling'))
    mkdirSync(join(turn, 'directory'))
    execFileSync('mkfifo', [join(turn, 'fifo')])
    const server = createServer().listen(join(turn, 'socket'))
    await once(server, 'listening')
    for (const name of ['link', 'dangling', 'directory', 'fifo', 'socket']) {
      await expect(scratch.read(join(turn, name), 100)).rejects.toEqual(refused('is not a regular file'))
      expect(await scratch.lookUp(turn, name)).toBe(name === 'dangling' ? 'missing' : 'inside')
    }
    const devices = fileScratch('/dev')
    await expect(devices.read('/dev/zero', 100)).rejects.toEqual(refused('is not a regular file'))
    server.close()
  })
})
