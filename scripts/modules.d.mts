export type Modules = {
  z: typeof import('zod').z
  events: typeof import('../src/events/session-events.ts')
  envelope: typeof import('../src/events/envelope.ts')
  parts: typeof import('../src/events/parts.ts')
  limits: typeof import('../src/events/limits.ts')
  catalog: typeof import('../src/events/catalog.ts')
  config: typeof import('../src/events/workflow-config.ts')
  walk: typeof import('../src/adapters/workflow/schema-walk.ts')
  words: typeof import('../src/adapters/workflow/schema-words.ts')
  prompt: typeof import('../src/adapters/workflow/default-prompt.ts')
  /** Mermaid source of the session machine; null: the block keeps what it holds. */
  diagram: string | null
}
export function loadModules(): Promise<Modules>
