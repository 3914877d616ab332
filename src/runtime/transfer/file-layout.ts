/** Checks that the lines of an export come in their order and that none is missing at its end. */
import { countWords } from '../../words/amounts.ts'
import { SwarmError } from '../errors.ts'
import { corrupt, type FileCounts, type FileEntry } from './trail-file.ts'

export type FileLayout = {
  /** Throws `history_corrupt` for a line that has no place after those before it. */
  take(entry: FileEntry): void
  /** After the last line. Throws `history_corrupt` for a file that is empty or cut off. */
  finish(): FileCounts
  /** Whether it has to hold whatever its events name; known for sure after the last line only. */
  readonly carriesArtifacts: boolean
}

export function fileLayout(): FileLayout {
  const counts: FileCounts = { events: 0, artifacts: 0 }
  let header: Extract<FileEntry, { kind: 'header' }> | null = null
  let last: FileEntry['kind'] | null = null

  function faultOf(entry: FileEntry): string | null {
    if (last === 'end') return 'something after the end of the export'
    if (entry.kind === 'header') return last === null ? null : 'the beginning of an export within another'
    if (entry.kind === 'event') return last === 'artifact' ? 'an event after the artifacts' : null
    if (entry.kind === 'artifact')
      return header?.artifacts === false ? 'an artifact in an export without artifacts' : null
    if (header === null) return 'the end of an export whose beginning is missing'
    return sameCounts(entry.counts, counts) ? null : `${told(entry.counts)} were exported, here are ${told(counts)}`
  }

  return {
    take(entry) {
      const fault = faultOf(entry)
      if (fault !== null) throw corrupt(entry.line, fault)
      if (entry.kind === 'header') header = entry
      if (entry.kind === 'event') counts.events += 1
      if (entry.kind === 'artifact') counts.artifacts += 1
      last = entry.kind
    },
    finish() {
      if (last === null) throw new SwarmError('history_corrupt', 'the file is empty: it was cut off, or is no export')
      if (header !== null && last !== 'end')
        throw new SwarmError('history_corrupt', `the file was cut off: it ends after ${told(counts)}`)
      return counts
    },
    get carriesArtifacts() {
      // Those of early releases have no first line that tells.
      return header?.artifacts ?? counts.artifacts > 0
    },
  }
}

function sameCounts(a: FileCounts, b: FileCounts): boolean {
  return a.events === b.events && a.artifacts === b.artifacts
}

function told({ events, artifacts }: FileCounts): string {
  return `${countWords(events, 'event')} and ${countWords(artifacts, 'artifact')}`
}
