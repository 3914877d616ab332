/** Swarmtrail's public surface. */
export {
  connectSwarm,
  openEmbeddedSwarm,
  type ConnectedSwarm,
  type ConnectOptions,
  type EmbeddedOptions,
} from './connect.ts'
export { jsonLogger } from './adapters/system/json-logger.ts'
export { createRunner, type CreateRunner, type RunningRunner } from './create-runner.ts'
export { decodeEvent, type Decoded } from './events/catalog.ts'
export type { EventOf, RecordedEvent, SwarmEvent } from './events/envelope.ts'
export { EVENT_TYPES, eventSchemas, type EventData, type EventType } from './events/session-events.ts'
export type { StartInput } from './events/start-input.ts'
export type { Phase, Refusal } from './machines/decider.ts'
export { type DocumentOf, VIEW_NAMES, type ViewName } from './projections/catalog.ts'
export { isSwarmError, SwarmError, type ErrorCode } from './runtime/errors.ts'
export type { Logger } from './runtime/ports.ts'
export type { Replay, ReplayStep } from './runtime/replay.ts'
export type { InterpreterEnd } from './runtime/interpreter.ts'
export type {
  CommandResult,
  ListOptions,
  Place,
  RegistryRecord,
  StartRequest,
  StartResult,
  Swarm,
} from './runtime/swarm.ts'
export type { WaitResult } from './runtime/wait.ts'
