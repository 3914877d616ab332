/// <reference lib="esnext.disposable" preserve="true" />
/** Swarmtrail's public surface: docs/library.md tells what each is for. */

// Coordinators and runners: start, steer, follow, join, serve.
export {
  connectSwarm,
  openEmbeddedSwarm,
  type ConnectedSwarm,
  type ConnectOptions,
  type EmbeddedOptions,
} from './connect.ts'
export { createRunner, type CreateRunner, type RunningRunner } from './create-runner.ts'
export type { CommandResult, InvalidArgument, StartRequest, StartResult } from './runtime/requests.ts'
export type { ListOptions, Place, RegistryRecord, Swarm } from './runtime/swarm.ts'
export type { EventsOptions } from './runtime/follow-events.ts'
export type { InterpreterEnd } from './runtime/interpreter.ts'
export type { RunnerHooks } from './runtime/runner.ts'
export type { Replay, ReplayStep } from './runtime/replay.ts'
export type { WaitResult } from './runtime/wait.ts'
export type { StartInput } from './events/start-input.ts'
export type { Phase, Refusal } from './machines/decider.ts'

// The vocabulary: events, views, errors.
export { decodeEvent, type Decoded } from './events/catalog.ts'
export type { EventOf, RecordedEvent, SwarmEvent } from './events/envelope.ts'
export { EVENT_TYPES, eventSchemas, type EventData, type EventType } from './events/session-events.ts'
export type { DocumentOf } from './projections/catalog.ts'
export { VIEW_NAMES, type ViewName } from './projections/names.ts'
export { isSwarmError, SwarmError, type ErrorCode } from './runtime/errors.ts'
export { jsonLogger } from './adapters/system/json-logger.ts'
export type { Logger } from './runtime/ports.ts'

// Auditors: prove, carry, tell and judge what was recorded.
export {
  auditPage,
  backtest,
  exportTrails,
  importTrails,
  readAudit,
  rebuildView,
  verifyExport,
  verifyLog,
  type ExportOptions,
} from './history.ts'
export { signatureChecker, signer } from './adapters/files/signature.ts'
export { readSummary, summaryOf, type Summary } from './runtime/verify-summary.ts'
export type { Verification } from './runtime/verify-history.ts'
export type { FileVerification } from './runtime/verify-file.ts'
export type { VerifiedTrail } from './runtime/verify.ts'
export type { Audit } from './runtime/audit.ts'
export type { Backtest } from './runtime/backtest/backtest.ts'
export type { Imported } from './runtime/transfer/import-trails.ts'
export type { Rebuilt } from './runtime/rebuild.ts'
