/**
 * The base of a workspace without a repository: a private git directory outside the workspace that holds the tree of
 * what was there at the beginning. It keeps bytes as they are: no attribute or setting converts them.
 */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

const FILES = ['HEAD', 'config', 'info/attributes', 'info/exclude']
const DIRECTORIES = ['', 'info', 'objects', 'objects/info', 'objects/pack', 'refs', 'refs/heads', 'refs/tags']

type Made = { files: { name: string; content: string }[]; emptyTree: string }

/** By the directory they lie in: what git writes depends on the file system. */
const made = new Map<string, Promise<Made>>()

/**
 * Like `makePrivateGitDir`, for one of many that lie side by side: git makes the first one of this process, the others
 * get the same files, which takes no process. Returns the id of the empty tree there.
 */
export async function makePrivateSibling(gitDir: string): Promise<string> {
  const parent = dirname(gitDir)
  const known = made.get(parent)
  if (known === undefined) {
    const first = makeFirst(gitDir)
    made.set(parent, first)
    first.catch(() => made.delete(parent))
    return (await first).emptyTree
  }
  const { files, emptyTree } = await known
  for (const name of DIRECTORIES) await mkdir(join(gitDir, name))
  await Promise.all(files.map(({ name, content }) => writeFile(join(gitDir, name), content)))
  return emptyTree
}

async function makeFirst(gitDir: string): Promise<Made> {
  await makePrivateGitDir(gitDir)
  const emptyTree = (await gitOutput(['hash-object', '-t', 'tree', '--stdin'], { gitDir, input: '' })).trim()
  const files = FILES.map(async (name) => ({ name, content: await readFile(join(gitDir, name), 'utf8') }))
  return { files: await Promise.all(files), emptyTree }
}
