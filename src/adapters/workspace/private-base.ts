/**
 * The base of a workspace without a repository: a private git directory outside the workspace that holds the tree of
 * what was there at the beginning. It keeps bytes as they are: no attribute or setting converts them.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LEFT_OUT } from './copy-tree.ts'

/** What makes a directory a repository, the settings, and the attributes that rank above every .gitattributes file. */
const FILES = {
  HEAD: 'ref: refs/heads/main\n',
  config:
    '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tautocrlf = false\n' +
    '\texcludesFile = /dev/null\n\tattributesFile = /dev/null\n',
  'info/attributes': '* -text -ident -filter -working-tree-encoding !eol -whitespace\n',
  'info/exclude': LEFT_OUT.map((name) => `${name}\n`).join(''),
}

/** Makes the git directory, which must not exist. Just these files: `git init` would take its time to write the same. */
export async function makePrivateGitDir(gitDir: string): Promise<void> {
  await mkdir(gitDir)
  await Promise.all(['objects', 'refs', 'info'].map((name) => mkdir(join(gitDir, name))))
  await Promise.all(Object.entries(FILES).map(([name, content]) => writeFile(join(gitDir, name), content)))
}
