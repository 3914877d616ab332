/** The files that ACE's tools read, made from views. Pure: the caller gives the time and writes the files. */
import { z } from 'zod'
import { registrySchema, type RegistryDocument } from './registry-document.ts'
import { postSchema, vericifySchema, type Post, type VericifyDocument } from './vericify-document.ts'

/** Where ACE's tools look, relative to the directory of the export. */
export const ACE_FILES = {
  registry: 'agent-state/runtime-executor-sessions.json',
  posts: 'agent-state/vericify/process-posts.json',
  bridge: 'agent-state/vericify/run-bridge-snapshot.json',
} as const

const generatedAt = z.string().describe('RFC 3339 UTC with milliseconds')

export const aceRegistrySchema = z.object({
  schema: z.literal('runtime-executor-session-registry@1.0.0'),
  generated_at: generatedAt,
  sessions: z.array(registrySchema.omit({ lifecycle: true })).describe('oldest first'),
})
export type AceRegistry = z.output<typeof aceRegistrySchema>

export const acePostsSchema = z.object({
  schema: z.literal('vericify-process-posts@1.0.0'),
  generated_at: generatedAt,
  posts: z
    .array(postSchema.omit({ state: true }).extend({ run_ref: z.string() }))
    .describe('public ones, oldest first'),
})
export type AcePosts = z.output<typeof acePostsSchema>

const runSchema = vericifySchema.pick({ run_ref: true, open_blockers: true, last_post: true }).extend({
  sessions: z.array(vericifySchema.shape.sessions.element.pick({ session_id: true, status: true, updated_at: true })),
})
export type BridgeRun = z.output<typeof runSchema>

export const aceBridgeSchema = z.object({
  schema: z.literal('vericify-run-bridge-snapshot@1.0.0'),
  generated_at: generatedAt,
  runs: z.array(runSchema).describe('in the order of their references'),
})
export type AceBridge = z.output<typeof aceBridgeSchema>

export function aceRegistry(documents: readonly RegistryDocument[], generated_at: string): AceRegistry {
  const sessions = documents
    .map(({ lifecycle: _own, ...session }) => session)
    .toSorted((a, b) => inOrder(a.created_at, b.created_at) || inOrder(a.session_id, b.session_id))
  return { schema: 'runtime-executor-session-registry@1.0.0', generated_at, sessions }
}

export function acePosts(documents: readonly VericifyDocument[], generated_at: string): AcePosts {
  const posts = documents
    .flatMap(({ run_ref, posts }) => posts.map((post) => exported(post, run_ref)))
    .toSorted((a, b) => inOrder(a.at, b.at) || inOrder(a.post_id, b.post_id))
  return { schema: 'vericify-process-posts@1.0.0', generated_at, posts }
}

export function aceBridge(documents: readonly VericifyDocument[], generated_at: string): AceBridge {
  const runs = documents.map(bridgeRunOf).toSorted((a, b) => inOrder(a.run_ref, b.run_ref))
  return { schema: 'vericify-run-bridge-snapshot@1.0.0', generated_at, runs }
}

/** One run at a glance: its sessions, what blocks it (held posts too) and the latest public post. */
export function bridgeRunOf({ run_ref, open_blockers, last_post, sessions }: VericifyDocument): BridgeRun {
  return {
    run_ref,
    open_blockers,
    last_post,
    sessions: sessions.map(({ session_id, status, updated_at }) => ({ session_id, status, updated_at })),
  }
}

function exported({ state: _public, ...post }: Post, run_ref: string): AcePosts['posts'][number] {
  return { ...post, run_ref }
}

/** By code units, the same on every host. */
function inOrder(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
