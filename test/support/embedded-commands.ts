/** Real processes that use an embedded server, for tests: `embedded-user.ts`, compiled so that any Node runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

const root = resolve(import.meta.dirname, '../..')

export type EmbeddedCommand = {
  process: ChildProcess
  /** What it printed once it had the server. */
  ready: Promise<{ pid: number; url: string }>
  /** Lets it release the server, and waits for its end. */
  finish(): Promise<void>
  /** Kills it, so that it releases nothing. */
  kill(): Promise<void>
}

/** Compiles the program into the directory and returns a function that runs it. */
export async function compileEmbeddedUser(directory: string): Promise<(dir: string) => EmbeddedCommand> {
  const out = join(directory, 'compiled')
  await mkdir(out)
  await writeFile(join(out, 'package.json'), '{"type":"module"}')
  await symlink(join(root, 'node_modules'), join(out, 'node_modules'))
  const project = {
    extends: join(root, 'tsconfig.json'),
    files: [join(root, 'test/support/embedded-user.ts')],
    include: [],
  }
  const compilerOptions = {
    noEmit: false,
    noCheck: true,
    outDir: out,
    rootDir: root,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  await writeFile(join(out, 'tsconfig.json'), JSON.stringify({ ...project, compilerOptions }))
  await execa(join(root, 'node_modules/.bin/tsc'), ['-p', join(out, 'tsconfig.json')])
  return (dir) => run(join(out, 'test/support/embedded-user.js'), dir)
}

function run(script: string, dir: string): EmbeddedCommand {
  const child = spawn(process.execPath, [script, dir], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const line = once(createInterface(child.stdout), 'line')
  return {
    process: child,
    ready: line.then(([text]) => JSON.parse(String(text)) as { pid: number; url: string }),
    finish: async () => {
      child.stdin.end()
      const [code] = await exited
      if (code !== 0) throw new Error(`the command ended with ${code}`)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
