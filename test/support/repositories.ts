/** Real git repositories and plain directories in temporary places that are removed after the test. */
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { onTestFinished } from 'vitest'

/** A file's content; with `link` a symbolic link, with `executable` a program. */
export type TreeEntry = string | Uint8Array | { link: string } | { executable: string | Uint8Array }
export type Tree = Record<string, TreeEntry>

/** Must be called inside a test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'swarmtrail-test-')))
  onTestFinished(async () => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}

export async function writeTree(directory: string, tree: Tree): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, entry] of Object.entries(tree)) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await rm(path, { recursive: true, force: true })
    if (typeof entry === 'string' || entry instanceof Uint8Array) await writeFile(path, entry)
    else if ('link' in entry) await symlink(entry.link, path)
    else {
      await writeFile(path, entry.executable)
      await chmod(path, 0o755)
    }
  }
}

/** Every file and link below a directory by its path, `.git` and the named entries left out. */
export async function readTree(directory: string, leaveOut: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const visit = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(directory, path))).toSorted()) {
      if (name === '.git' || leaveOut.includes(name)) continue
      const inner = path === '' ? name : `${path}/${name}`
      const entry = await lstat(join(directory, inner))
      if (entry.isDirectory()) await visit(inner)
      else if (entry.isSymbolicLink()) found[inner] = `link ${await readlink(join(directory, inner))}`
      else {
        const mode = (entry.mode & 0o100) === 0 ? 'file' : 'program'
        found[inner] = `${mode} ${(await readFile(join(directory, inner))).toString('base64')}`
      }
    }
  }
  await visit('')
  return found
}

/** Runs git in a directory as a person with a fixed name would, whatever the machine's own settings are. */
export async function gitIn(directory: string, ...args: string[]): Promise<string> {
  const person = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'commit.gpgsign=false']
  return (await execa('git', [...person, ...args], { cwd: directory, stdin: 'ignore' })).stdout
}

/** A repository with one commit of the tree; with an empty tree, without any commit. */
export async function makeRepository(directory: string, tree: Tree): Promise<string> {
  await writeTree(directory, tree)
  await gitIn(directory, 'init', '--quiet', '--initial-branch=main')
  if (Object.keys(tree).length === 0) return directory
  await commitAll(directory, 'first')
  return directory
}

export async function commitAll(directory: string, message: string): Promise<string> {
  await gitIn(directory, 'add', '--all')
  await gitIn(directory, 'commit', '--quiet', '--no-verify', '--allow-empty', '--message', message)
  return gitIn(directory, 'rev-parse', 'HEAD')
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
