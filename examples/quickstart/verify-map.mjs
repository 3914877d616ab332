/** The stop check of the example: reads the map anew and holds it against the files on disk. Exits 1 with what is wrong. */
import { existsSync } from 'node:fs'
import { brokenLinks, filesOf, isCode, MAP, readText } from './repository.mjs'

const root = process.cwd()
if (!existsSync(MAP)) fail([`${MAP} was not written`])
const map = readText(root, MAP)
const missing = filesOf(root).filter((file) => isCode(file) && !map.includes(`[${file}](`))
const dead = brokenLinks(MAP, map, existsSync)
const sections = ['## Files', '## Leaned on most', '## Needs care'].filter((heading) => !map.includes(`\n${heading}\n`))
const wrong = [
  ...missing.map((file) => `${file} is not in the map`),
  ...dead.map((link) => `the map links to ${link}, which is not there`),
  ...sections.map((heading) => `section "${heading}" is missing`),
]
if (wrong.length > 0) fail(wrong)
console.log(`${MAP} lists every code file, and every link in it leads somewhere`)

function fail(problems) {
  for (const problem of problems) console.log(problem)
  process.exit(1)
}
