/** Files and workspaces of one host, or of all hosts where they share a file system. */
import type { Workspace } from '../../src/events/parts.ts'
import { SwarmError } from '../../src/runtime/errors.ts'
import type { Scratch, Workspaces } from '../../src/runtime/ports.ts'
import type { Actor } from './scheduler.ts'
import type { World } from './world.ts'

const SOURCE = '/source'

export class Disk {
  readonly files = new Map<string, string>()
  /** By path, what was changed in it. */
  readonly workspaces = new Map<string, Set<string>>()

  contentOf(path: string): string {
    const content = this.files.get(path)
    if (content === undefined) throw new SwarmError('invalid_argument', `there is no file ${path}`)
    return content
  }
}

export function scratchOf(world: World, actor: Actor, disk: Disk): Scratch {
  const { files } = disk
  return {
    turnDirectory: (sessionId, turn) =>
      world.local(actor, `directory ${sessionId}/${turn}`, () => `/turns/${sessionId}/${turn}`),
    write: (path, content) => world.local(actor, `write ${path}`, () => void files.set(path, content)),
    read: (path) => world.local(actor, `read ${path}`, () => files.get(path) ?? null),
    lookUp: (directory, path) =>
      world.local(actor, `look for ${directory}/${path}`, () =>
        files.has(`${directory}/${path}`) ? 'inside' : 'missing',
      ),
    remove: (path) => world.local(actor, `remove ${path}`, () => void files.delete(path)),
    join: (...parts) => parts.join('/'),
  }
}

/** `asked` is told of everything that changes a workspace, before it does. */
export function workspacesOf(
  world: World,
  actor: Actor,
  disk: Disk,
  asked: (what: 'createWorkspace' | 'captureWorkspace' | 'disposeWorkspace', sessionId: string) => void,
): Workspaces {
  const { workspaces, files } = disk
  const work = <T>(what: string, done: () => T) => world.local(actor, what, done)
  const changesIn = (workspace: Workspace): Set<string> => {
    const changes = workspace.source === 'in-place' ? new Set<string>() : workspaces.get(workspace.path)
    if (changes === undefined) throw new SwarmError('workspace_failed', `${workspace.path} is not there`)
    return changes
  }
  const sessionOf = ({ path }: Workspace) => path.slice(path.lastIndexOf('/') + 1)
  const broken = () => world.faults.active && world.random.chance(world.faults.disk)
  return {
    create: ({ sessionId, name, root, source = 'copy' }) =>
      work(`make workspace ${name}`, () => {
        asked('createWorkspace', sessionId)
        if (broken()) throw new SwarmError('workspace_failed', 'the simulated disk is full')
        if (source === 'in-place') return madeOf(source, SOURCE, SOURCE)
        workspaces.set(`${root}/${name}`, new Set())
        return madeOf(source, `${root}/${name}`, root)
      }),
    verify: (workspace) => work(`verify ${workspace.path}`, () => void changesIn(workspace)),
    capture: (workspace, directory) =>
      work(`capture ${workspace.path}`, () => {
        if (workspace.source === 'in-place') return null
        asked('captureWorkspace', sessionOf(workspace))
        const changes = [...changesIn(workspace)].sort()
        if (broken()) throw new SwarmError('capture_failed', 'the simulated disk is full')
        const patchFile = changes.length === 0 ? null : `${directory}/patch`
        if (patchFile !== null) files.set(patchFile, changes.join('\n'))
        const changed = changes.map((path) => ({ path, change: 'added' as const }))
        return { format: 'patch', base_commit: workspace.base_commit, head_commit: null, files: changed, patchFile }
      }),
    changedFiles: (workspace) => work(`changes of ${workspace.path}`, () => [...changesIn(workspace)].sort()),
    isClean: (workspace) => work(`is ${workspace.path} clean`, () => changesIn(workspace).size === 0),
    dispose: (workspace, mode) =>
      work(`${mode} ${workspace.path}`, () => {
        if (workspace.source !== 'in-place') asked('disposeWorkspace', sessionOf(workspace))
        if (broken()) throw new SwarmError('cleanup_failed', 'the simulated disk is full')
        const { path } = workspace
        if (mode === 'keep' || workspace.source === 'in-place') return { kind: 'kept', path }
        workspaces.delete(path)
        return mode === 'archive' ? { kind: 'archived', path, archivePath: `${path}.tar` } : { kind: 'removed', path }
      }),
    apply: () => Promise.reject(new SwarmError('apply_failed', 'nothing is applied here')),
  }
}

function madeOf(source: Workspace['source'], path: string, root: string): Workspace {
  const worktree = source === 'worktree'
  return {
    path,
    root,
    source,
    source_path: SOURCE,
    base_commit: worktree ? 'c0ffee' : null,
    branch: worktree ? path : null,
  }
}
