/** Workspaces made of git work trees and plain directories. */
import type { Workspace } from '../../events/parts.ts'
import { type ErrorCode, isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'
import type { Workspaces } from '../../runtime/ports.ts'
import { applyPatch } from './apply.ts'
import { captureWork, changedPaths, hasNothingUncommitted } from './capture.ts'
import { canonicalDirectory, locate } from './containment.ts'
import { createWorkspace } from './create.ts'
import { disposeOf } from './dispose.ts'

/** Needs git 2.36 or newer on the PATH. All errors are `SwarmError`s with the codes that the port names. */
export function gitWorkspaces(): Workspaces {
  return {
    create: (options) => failingWith('workspace_failed', () => createWorkspace(options)),
    verify: (workspace) => failingWith('workspace_failed', () => verify(workspace)),
    capture: (workspace, directory) => failingWith('capture_failed', () => captureWork(workspace, directory)),
    changedFiles: (workspace) => failingWith('capture_failed', () => changedPaths(workspace)),
    isClean: (workspace) => failingWith('capture_failed', () => hasNothingUncommitted(workspace)),
    dispose: (workspace, mode) => failingWith('cleanup_failed', () => disposeOf(workspace, mode)),
    apply: (capture, content, sourcePath) =>
      failingWith('apply_failed', async () => {
        if (capture.format !== 'patch') throw new Error(`captured work of format ${capture.format} can't be applied`)
        await applyPatch(content, sourcePath)
      }),
  }
}

async function verify(workspace: Workspace): Promise<void> {
  if (workspace.source === 'in-place') {
    const canonical = await canonicalDirectory(workspace.path, 'workspace')
    if (canonical !== workspace.path) throw new Error(`workspace ${workspace.path} leads somewhere else`)
    return
  }
  if ((await locate(workspace)) === 'vanished') throw new Error(`workspace ${workspace.path} is gone`)
}

async function failingWith<T>(code: ErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isSwarmError(error, code)) throw error
    throw new SwarmError(code, messageOf(error), { cause: error })
  }
}
