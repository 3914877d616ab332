/**
 * The base of a workspace without a repository: a private git directory outside the workspace that holds the tree of
 * what was there at the beginning. It keeps bytes as they are: no attribute or setting converts them.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LEFT_OUT } from './copy-tree.ts'
import { gitOutput } from './git.ts'

const SETTINGS = '[core]\n\tautocrlf = false\n\texcludesFile = /dev/null\n\tattributesFile = /dev/null\n'

/** Makes the git directory, which must not exist. */
export async function makePrivateGitDir(gitDir: string): Promise<void> {
  await gitOutput(['init', '--quiet', '--bare', '--template=', gitDir], { cwd: '/' })
  await appendFile(join(gitDir, 'config'), SETTINGS)
  await mkdir(join(gitDir, 'info'), { recursive: true })
  // These rank above every .gitattributes file inside the work tree.
  await writeFile(
    join(gitDir, 'info', 'attributes'),
    '* -text -ident -filter -working-tree-encoding !eol -whitespace\n',
  )
  await writeFile(join(gitDir, 'info', 'exclude'), LEFT_OUT.map((name) => `${name}\n`).join(''))
}
