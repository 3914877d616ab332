/** Tables for people. */
import { charactersOf, clipped, oneLine } from './printable.ts'

const GAP = '  '
/** The last column is never cut shorter than this, whatever the terminal's width. */
const LAST_COLUMN_CHARACTERS_MIN = 20

/** Columns as wide as their content; the last one is cut to what the width leaves. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], columns: number): string[] {
  const cells = [header, ...rows].map((row) => row.map(oneLine))
  const widths = header.map((_, index) => Math.max(...cells.map((row) => characters(row[index] ?? ''))))
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0)
  const last = Math.max(LAST_COLUMN_CHARACTERS_MIN, columns - before)
  return cells.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? clipped(cell, last) : pad(cell, widths[index] ?? 0)))
      .join(GAP)
      .trimEnd(),
  )
}

/** `name  value` lines, one below the other; those without a value are left out. */
export function fields(pairs: readonly (readonly [string, string | null | undefined])[]): string[] {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...shown.map(([name]) => characters(name)))
  return shown.map(([name, value]) => `${pad(name, width)}${GAP}${oneLine(value ?? '')}`)
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - characters(cell)))
}

function characters(text: string): number {
  return charactersOf(text).length
}
