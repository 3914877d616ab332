/**
 * What the runtime needs of the outside world. Each port states its laws; every adapter passes the same contract
 * suite (test/contracts/). Times are epoch milliseconds, durations milliseconds, unless a name says otherwise.
 */
import type { Envelope, SwarmEvent } from '../events/envelope.ts'
import type { Sha256 } from '../events/hash-chain.ts'
import type { Position, SessionId, Version } from '../events/ids.ts'
import type { ArtifactRef, Capture, Workspace } from '../events/parts.ts'
import type { OnCleanup, WorkflowConfig, WorkspaceSource } from '../events/workflow-config.ts'

// ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** An event that could be decoded, at its position. `stored`: what the body says, as an object, before any upcasting. */
export type LogEvent = {
  kind: 'event'
  event: SwarmEvent
  position: Position
  body: string
  stored?: Envelope | undefined
}
/** A message on an event subject that is no event of ours: reported, never skipped silently, never thrown. */
export type LogParked = {
  kind: 'parked'
  position: Position
  subject: string
  code: string
  reason: string
  body: string
}
/** All that was in the log when the reader asked has been delivered; what follows is live. Sent once per catch-up. */
export type LogCaughtUp = { kind: 'caught_up'; position: Position }
export type LogItem = LogEvent | LogParked | LogCaughtUp

export type LogFilter = {
  /** Only this trail; default: all. */
  sessionId?: SessionId | undefined
  /** Only events of these nouns (server side); default: all. */
  nouns?: readonly string[] | undefined
}

export type Subscribe = {
  /** Deliver what lies after this position; 0 = from the start. */
  after: Position
  filter?: LogFilter | undefined
  /** Stop with `caught_up` instead of going live. */
  once?: boolean | undefined
  signal?: AbortSignal | undefined
}

/** `there`: the next item if it is there already, null if not. Who takes many so saves a promise for each. */
export type LogItems = AsyncIterable<LogItem> & { there?: () => LogItem | null }

export interface EventLog {
  /**
   * The trail's events after a version, in order, up to the version the server knows now: an append acknowledged
   * before the call is always included. Parked messages of the trail come as they are.
   * Throws `log_unreachable`.
   */
  read(sessionId: SessionId, after?: Version): Promise<(LogEvent | LogParked)[]>

  /** As `read`, but gives each item as it comes, so that of a long trail nothing has to be kept. */
  walk(sessionId: SessionId, take: (item: LogEvent | LogParked) => void, after?: Version): Promise<void>

  /**
   * Appends one event to its subject's trail if the trail's version is `expected` (0: the trail must be empty), and
   * returns its position, which is the trail's new version. Durable once it returns.
   * - The same event id twice is one append: the second call returns the first one's position.
   * - Throws `wrong_expected_version` (nothing written; `details.actual` where known) when another event came first.
   * - Throws `append_outcome_unknown` (retryable) when it can't tell; calling again with the same event resolves it.
   * - Throws `log_unreachable` (retryable) when nothing can have been written; `append_too_large` over 1 MiB.
   */
  append(event: SwarmEvent, expected: Version): Promise<Position>

  /**
   * Items after a position in log order, each once, across reconnects and server restarts; then live on the same path.
   * Pulled by the consumer: a slow reader holds a bounded buffer. Ends when the signal aborts (without throwing).
   */
  subscribe(options: Subscribe): LogItems

  /**
   * Position of the log's last event, also of one that is lost since; 0 when there was none, or all are lost and this
   * user may not know. Up to there every position has an event or a parked message: where one has neither, an event is lost.
   * Throws `log_unreachable`.
   */
  head(): Promise<Position>

  /** Position of the last event recorded at or before the time; 0 when there is none. */
  positionAt(timeMs: number): Promise<Position>

  /** Forwards a chunk of live output; best effort and not stored. */
  publishOutput(sessionId: SessionId, stream: 'stdout' | 'stderr', chunk: string): void

  /** Live output of a session from now on, until the signal aborts. */
  followOutput(sessionId: SessionId, signal: AbortSignal): AsyncIterable<{ stream: 'stdout' | 'stderr'; text: string }>

  /** Whether the log can be reached right now; never blocks. */
  reachable(): boolean

  /** Loads the code that reading and appending take, which else is loaded with the first event. */
  load?(): Promise<void>
}

// ── other stores ────────────────────────────────────────────────────────────────────────────────────────────────

/** Content-addressed blobs. Putting the same content twice is one object; what was put can be got by anyone, later. */
export interface ArtifactStore {
  put(content: Uint8Array | string): Promise<ArtifactRef>
  /** From a file, streamed; same law. */
  putFile(path: string): Promise<ArtifactRef>
  /** Throws `artifact_missing`; `history_corrupt` when it is not what its digest says. */
  get(ref: ArtifactRef): Promise<Uint8Array>
}

/** Position 0 and null: something is there that was not put by this interface. */
export type StoredDocument = { key: string; position: Position; document: unknown }

export type PutOptions = {
  /** These will hardly be put again: nothing about them is remembered. */
  final?: boolean
}

/** What somebody who keeps a view goes on from: what it found, or wrote last. */
export type KeptSince = { generation: string; checkpoint: Position }

/**
 * A cache of views: anything in it may be thrown away and rebuilt from the log. Names include the view's version.
 * It may lose what was written to it last; then it says so by another generation, and by the checkpoint.
 */
export interface ViewStore {
  get(view: string, key: string): Promise<StoredDocument | null>
  /** Those of the keys that are stored, in no particular order; for who is going to put them again. */
  find(view: string, keys: readonly string[]): Promise<StoredDocument[]>
  /** All documents of a view, in no particular order. */
  list(view: string): AsyncIterable<StoredDocument>
  /** Stores documents; one whose stored position is newer is left alone. */
  put(view: string, documents: readonly StoredDocument[], options?: PutOptions): Promise<void>
  /** Takes out what was read; one whose position is another by now is left alone. */
  remove(view: string, documents: readonly StoredDocument[]): Promise<void>
  /**
   * The position up to which the view is complete, for certain; 0 when unknown. Written after the documents it speaks
   * for. Lower than what was written where some of those may have been lost since.
   */
  checkpoint(view: string): Promise<Position>
  /**
   * With `since`, throws `view_lost` and writes nothing when what is stored may not be what its writer goes on from: the
   * generation is another, or the checkpoint is lower. Then the writer has to begin again from what is stored.
   */
  setCheckpoint(view: string, position: Position, since?: KeptSince): Promise<void>
  /** Stays the same as long as nothing that was stored can have been lost. */
  generation(): string
  /** Forgets all documents and the checkpoint. */
  clear(view: string): Promise<void>
}

export type LeaseHolder = { runnerId: string; host: string; pid: number; processStartedAt: string }
export type Lease = { key: string; token: number }

/**
 * Leases only pick a runner; correctness comes from the log's expected version. At most one holder per key at a time;
 * a lease not renewed for its TTL ends by itself and watchers hear of it (within about 0.3 s).
 */
export interface LeaseStore {
  /** The lease, or null when somebody holds it. `ttlMs` is at least 1000. */
  acquire(key: string, holder: LeaseHolder, ttlMs: number): Promise<Lease | null>
  /** The renewed lease; throws `lease_lost` when it is not ours any more. */
  renew(lease: Lease, holder: LeaseHolder, ttlMs: number): Promise<Lease>
  /** Gives it up; a lease that is not ours any more is left alone. */
  release(lease: Lease): Promise<void>
  holder(key: string): Promise<LeaseHolder | null>
  /** Ends somebody's lease whose process is known to be dead; false when it changed meanwhile. */
  evict(key: string, holder: LeaseHolder): Promise<boolean>
  /** First every held lease, then `{kind: 'current'}`, then changes, until the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<LeaseChange>
}
export type LeaseChange =
  | { kind: 'held'; key: string; holder: LeaseHolder }
  | { kind: 'free'; key: string }
  | { kind: 'current' }

// ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────

export type SpawnedProcess = { pid: number; pgid: number; processStartedAt: string }

export type ShellRun = {
  /** Run as `sh -c command`, standard input closed, in a process group of its own. Data never goes in here but by env. */
  command: string
  cwd: string
  /** The whole environment of the process. */
  env: Readonly<Record<string, string>>
  /** Finds children that left the group; unique per run. The adapter adds it to the environment. */
  marker: string
  timeoutMs: number
  /** Longest silence; <= 0 or absent: no limit. Equal to the window is not a stall. Monotonic clock. */
  stallWindowMs?: number
  /** Secrets to replace by `[redacted:NAME]` in everything that leaves the adapter, also across chunk borders. */
  secrets: Readonly<Record<string, string>>
  /** Directory (mode 0700) where whole outputs are spooled as `stdout` and `stderr`; absent: only tails are kept. */
  spool?: string
  signal: AbortSignal
  /** Resolves when a process may be started, or the signal has fired. Nothing is waited for between this and the start. */
  mayBegin?: () => Promise<void>
  onSpawn?: (process: SpawnedProcess) => void
  /** `bytes`: what the process has written to the stream so far, before redaction. */
  onOutput?: (stream: 'stdout' | 'stderr', chunk: string, atMs: number, bytes: number) => void
}

export type CapturedOutput = {
  /** The last 4 KiB at most, as valid UTF-8. */
  tail: string
  bytes: number
  clipped: boolean
  /** Spooled whole output (redacted; the middle is left out, with a line saying so, past the spool limit); null: none. */
  file: string | null
}

export type ShellResult = {
  /** Why it ended. `aborted`: the signal fired. `not_spawned`: see error. */
  ended: 'exited' | 'timed_out' | 'stalled' | 'aborted' | 'not_spawned'
  exitCode: number | null
  signal: string | null
  durationMs: number
  /** Epoch ms of the launch or the last output. */
  lastActivityMs: number
  stdout: CapturedOutput
  stderr: CapturedOutput
  error: string | null
}

/**
 * Runs commands so that nothing outlives them: when `run` settles, the group is gone (TERM, after 2 s KILL), as are
 * marked processes outside it where the system shows them. A grandchild holding the pipes can't hang it. Never throws.
 */
export interface Shell {
  run(options: ShellRun): Promise<ShellResult>
  /** Ends what an earlier run left behind: group by pid and start time (never by name), and marked processes. */
  reap(leftover: { process: SpawnedProcess | null; marker: string }): Promise<{ killed: number[] }>
}

// ── workspaces ──────────────────────────────────────────────────────────────────────────────────────────────────

export type CreateWorkspace = {
  sessionId: SessionId
  name: string
  /** Absolute. Made when missing. */
  root: string
  /** Absolute path of the source directory. */
  sourcePath: string
  /** undefined: worktree in a git repository with a commit, else copy. */
  source: WorkspaceSource | undefined
}
export type Disposal =
  | { kind: 'removed'; path: string }
  | { kind: 'archived'; path: string; archivePath: string }
  | { kind: 'kept'; path: string }

/** Makes, checks, captures and removes workspaces. Expected faults are thrown as `SwarmError`s with the given codes. */
export interface Workspaces {
  /** Repeatable after a crash: a half-made workspace of the same session is made anew. Throws `workspace_failed`. */
  create(options: CreateWorkspace): Promise<Workspace>
  /** Throws `workspace_failed` unless the canonical path is a directory strictly inside its root (in-place: the source). */
  verify(workspace: Workspace): Promise<void>
  /** Null for in-place. Otherwise what changed against the base; `patchFile` is null when nothing did. Throws `capture_failed`. */
  capture(
    workspace: Workspace,
    directory: string,
  ): Promise<(Omit<Capture, 'patch'> & { patchFile: string | null }) | null>
  /** Paths that differ from the base now, relative, sorted (untracked included). Throws `capture_failed`. */
  changedFiles(workspace: Workspace): Promise<string[]>
  /** Whether git has nothing uncommitted or untracked there; for other sources: nothing changed. */
  isClean(workspace: Workspace): Promise<boolean>
  /** Repeatable. Throws `cleanup_failed`. */
  dispose(workspace: Workspace, mode: OnCleanup): Promise<Disposal>
  /** Applies captured work to a source directory, all or nothing. Throws `apply_failed`. */
  apply(capture: Pick<Capture, 'format'>, content: Uint8Array, sourcePath: string): Promise<void>
}

/** Private files of turns and captures on this host, outside every workspace. */
export interface Scratch {
  /** An existing directory (mode 0700) for one turn of a session. */
  turnDirectory(sessionId: SessionId, turnNumber: number): Promise<string>
  write(path: string, content: string): Promise<void>
  /** Content up to `bytesMax`; null when there is no such file; throws when it is larger. */
  read(path: string, bytesMax: number): Promise<string | null>
  /** Where something below any directory really lies, links followed: in the directory, out of it, or nowhere. */
  lookUp(directory: string, path: string): Promise<'inside' | 'outside' | 'missing'>
  remove(path: string): Promise<void>
  join(...parts: string[]): string
}

// ── workflow ────────────────────────────────────────────────────────────────────────────────────────────────────

export type Workflow = {
  config: WorkflowConfig
  template: string
  /** null: given on the command line. */
  path: string | null
  digest: string
  /** What has no effect though it was probably meant to have one: unknown keys and unknown tools, a sentence each. */
  warnings: readonly string[]
  /** What relative paths in it resolve from; absolute. */
  directory: string
}

export interface Workflows {
  /** Reads the runner's workflow anew. Throws the `workflow_*` errors and `not_unattended`. */
  load(): Promise<Workflow>
  /** Renders a prompt. Throws `template_error` naming line and cause. An empty template is the default prompt. */
  render(template: string, variables: Readonly<Record<string, unknown>>): Promise<string>
  /** An absolute path from one in the workflow: `~` expanded, relative to the workflow's directory. */
  resolvePath(workflow: Workflow, path: string): string
}

// ── tools ───────────────────────────────────────────────────────────────────────────────────────────────────────

export type ToolDescription = {
  name: string
  description: string
  cost_class: 'light' | 'medium' | 'heavy'
  /** Needs git or files in the workspace that `empty` may lack: null = always usable. */
  needs: 'git' | null
  input_schema: unknown
}
export type ToolRun = {
  name: string
  input: unknown
  workspace: Workspace
  env: Readonly<Record<string, string>>
  secrets: Readonly<Record<string, string>>
  readLinesMax: number
  marker: string
  signal: AbortSignal
}
export type ToolOutcome = { ok: true; output: unknown } | { ok: false; error: { code: string; message: string } }

/** The built-in tools, confined to the workspace. `run` never throws: errors are outcomes. */
export interface Tools {
  descriptions: readonly ToolDescription[]
  run(options: ToolRun): Promise<ToolOutcome>
}

// ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Monotonic milliseconds. */
  monotonic(): number
  /** Resolves after that long, or at once when the signal aborts (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Ids {
  /** A new UUIDv7. */
  next(): string
}

/** Told of what nobody waits for: faults that are tried again, messages that are no events. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

export interface Host {
  name: string
  pid: number
  processStartedAt: string
  cores: number
  /** The runner's own environment. */
  environment: Readonly<Record<string, string | undefined>>
  /** Whether that process (pid and start time) lives on this host. */
  alive(pid: number, processStartedAt: string): boolean
}

/** What a client of the log needs. */
export type ClientPorts = {
  log: EventLog
  artifacts: ArtifactStore
  views: ViewStore
  clock: Clock
  ids: Ids
  logger: Logger
  sha256: Sha256
}

/** What a runner needs besides. */
export type RunnerPorts = ClientPorts & {
  leases: LeaseStore
  shell: Shell
  workspaces: Workspaces
  scratch: Scratch
  workflows: Workflows
  tools: Tools
  host: Host
}
