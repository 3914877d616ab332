/** A copy of a source directory as a workspace's beginning. */
import { chmod, constants, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { below, joinRaw, type RawPath, rawFrom } from './raw-path.ts'

/** Left out at any depth: repositories, what package managers can fetch again, and our own data. */
export const LEFT_OUT: readonly string[] = ['.git', 'node_modules', '.swarmtrail']

/**
 * Copies files, modes and links (as links) into an existing directory. What is neither file, directory nor link
 * (a pipe, a socket, a device) has no content to copy and is left out.
 */
export async function copyTree(source: string, target: string, except: string): Promise<void> {
  const excepted = below(except, '').subarray(0, -1)
  await copyDirectory(source, target, '', excepted)
}

async function copyDirectory(source: string, target: string, directory: RawPath, excepted: Buffer): Promise<void> {
  const entries = await readdir(below(source, directory), { withFileTypes: true, encoding: 'latin1' })
  for (const entry of entries) {
    const path = joinRaw(directory, entry.name)
    const from = below(source, path)
    const to = below(target, path)
    if (LEFT_OUT.map(rawFrom).includes(entry.name) || from.equals(excepted)) continue
    if (entry.isSymbolicLink()) {
      await symlink(await readlink(from, { encoding: 'buffer' }), to)
    } else if (entry.isDirectory()) {
      await mkdir(to)
      await copyDirectory(source, target, path, excepted)
      // Last, because a read-only directory takes no entries.
      await chmod(to, (await lstat(from)).mode & 0o7777)
    } else if (entry.isFile()) {
      await copyFile(from, to, constants.COPYFILE_FICLONE)
    }
  }
}
