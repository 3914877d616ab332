/** The examples as users run them: in a copy of this checkout, with what is in `src` now compiled as its `dist`. */
import { cp, mkdir, symlink } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { execa } from 'execa'
import { exists, gitIn } from './repositories.ts'

const root = resolve(import.meta.dirname, '../..')

/** Copies the checkout, `program` being what `buildCli` gave. `git`: as a clone would be, else plain files. */
export async function copyCheckout(directory: string, program: string, { git }: { git: boolean }): Promise<void> {
  const listed = await gitIn(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
  for (const path of listed.split('\0').filter((path) => path !== '')) {
    if (!(await exists(join(root, path)))) continue
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await cp(join(root, path), join(directory, path))
  }
  await cp(dirname(program), join(directory, 'dist'), { recursive: true })
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  if (!git) return
  await gitIn(directory, 'init', '--quiet')
  await gitIn(directory, 'add', '--all')
  await gitIn(directory, 'commit', '--quiet', '--no-verify', '--message', 'copy')
}

export type Ended = { code: number | undefined; stdout: string; stderr: string }

/** Runs a program to its end, in an environment that holds nothing of ours. */
export async function runIn(cwd: string, file: string, ...args: string[]): Promise<Ended> {
  const env = { NATS_URL: undefined, SWARMTRAIL_DIR: undefined, SWARMTRAIL_NAMESPACE: undefined, NO_COLOR: '1' }
  const { exitCode, stdout, stderr } = await execa(file, args, { cwd, env, reject: false, stdin: 'ignore' })
  return { code: exitCode, stdout, stderr }
}

/** Command lines of living processes that name a path below the directory. Linux. */
export function processesAt(directory: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => commandLine(pid))
    .filter((line) => line.includes(directory))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return ''
    throw error
  }
}
