import type { z } from 'zod'
import type * as prompt from '../src/adapters/workflow/default-prompt.ts'
import type * as walk from '../src/adapters/workflow/schema-walk.ts'
import type * as words from '../src/adapters/workflow/schema-words.ts'
import type * as catalog from '../src/events/catalog.ts'
import type * as envelope from '../src/events/envelope.ts'
import type * as limits from '../src/events/limits.ts'
import type * as parts from '../src/events/parts.ts'
import type * as events from '../src/events/session-events.ts'
import type * as config from '../src/events/workflow-config.ts'
import type * as ace from '../src/projections/ace-export.ts'

export type Modules = {
  z: typeof z
  events: typeof events
  envelope: typeof envelope
  parts: typeof parts
  limits: typeof limits
  catalog: typeof catalog
  config: typeof config
  ace: typeof ace
  walk: typeof walk
  words: typeof words
  prompt: typeof prompt
  /** Mermaid source of the session machine; null: the block keeps what it holds. */
  diagram: string | null
}
export function loadModules(): Promise<Modules>
