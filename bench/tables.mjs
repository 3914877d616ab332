/** What the benchmarks found, as the tables of the documentation: all of it, the short one, and what grows with what. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BEGIN = '<!-- bench: begin -->'
const END = '<!-- bench: end -->'
const CURVES = fileURLToPath(new URL('../docs/growth.svg', import.meta.url))

/** Rewrites what stands between the markers of each page that there is; says which. */
export function writeTables(lines) {
  const pages = { 'docs/performance.md': fullTable, 'docs/growth.md': growthTable, 'README.md': shortTable }
  return Object.entries(pages).flatMap(([name, table]) => {
    const path = fileURLToPath(new URL(`../${name}`, import.meta.url))
    if (!existsSync(path)) return []
    const page = readFileSync(path, 'utf8')
    const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
    if (begin === -1 || end < begin) throw new Error(`${name} has no ${BEGIN} ... ${END}`)
    writeFileSync(path, `${page.slice(0, begin)}${BEGIN}\n\n${table(lines)}\n\n${page.slice(end)}`)
    return [name]
  })
}

export function fullTable(lines) {
  const rows = lines.map(({ what, bare, bar, value, pass, ours, theirs }) => {
    const met = pass === null ? '' : pass ? 'yes' : '**no**'
    return [what, bare, bar, value, met, ours, theirs]
  })
  return [...table(['what', 'beside', 'bar', 'measured', 'met', 'ours', 'theirs'], rows), '', machineOf(lines)].join(
    '\n',
  )
}

/** Only what was promised. */
export function shortTable(lines) {
  const rows = lines
    .filter(({ pass }) => pass !== null)
    .map(({ what, bare, bar, value, ours }) => [what, bare, bar, value, ours])
  return [...table(['what', 'beside', 'bar', 'measured', 'ours'], rows), '', machineOf(lines)].join('\n')
}

/** Lines that say what a figure becomes as something grows carry `growth: {along, figure, points: [[amount, value]]}`. */
export function growthTable(lines) {
  const rows = lines.flatMap(({ growth }) => {
    if (growth === undefined) return []
    const points = growth.points.map(([amount, value]) => `${amount.toLocaleString('en')}: ${shown(value)}`)
    return [[growth.along, growth.figure, points.join(' · ')]]
  })
  const drawn = existsSync(CURVES) ? ['', '![A session beside one JSON file of all sessions](growth.svg)'] : []
  const header = ['as there are more', 'this becomes', 'measured']
  return [...table(header, rows), '', machineOf(lines), ...drawn].join('\n')
}

const shown = (value) =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))

function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)]
}

function machineOf([first]) {
  const { cpu, cores, memory_gib, node, kernel } = first.machine
  return `Machine: ${cpu}, ${cores} cores, ${memory_gib} GiB, Linux ${kernel}, Node ${node}.`
}
