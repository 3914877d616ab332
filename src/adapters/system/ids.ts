import { uuidv7 } from 'uuidv7'
import type { Ids } from '../../runtime/ports.ts'

/** UUIDs of version 7: those of one process sort in the order they were made in. */
export function uuidv7Ids(): Ids {
  return { next: uuidv7 }
}
