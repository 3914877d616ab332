/**
 * A small unattended executor, without any model behind it: it maps the repository it is put into, a step per turn.
 * It speaks protocol `ace`: reads the request, works in the workspace, answers with a response file.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brokenLinks, filesOf, importsOf, isCode, MAP, purposeOf, readText } from './repository.mjs'

const request = JSON.parse(readFileSync(process.env.ACE_RUNTIME_REQUEST_FILE, 'utf8'))
const root = process.env.ACE_RUNTIME_WORKSPACE_PATH
const files = filesOf(root)
const code = files.filter(isCode)
const known = new Set(files)

/** Each step adds one section to the map; what is done already is seen in the workspace itself. */
const steps = [
  { heading: '## Files', next: 'Find out which files the others lean on.', run: describeFiles },
  {
    heading: '## Leaned on most',
    next: 'Look for what needs care: dead links, large files, files without a purpose.',
    run: rankFiles,
  },
  { heading: '## Needs care', next: 'Count up and finish.', run: findCare },
]

function describeFiles() {
  const folders = Map.groupBy ? Map.groupBy(code, (file) => dirname(file)) : groupBy(code, (file) => dirname(file))
  const lines = []
  for (const [folder, members] of folders) {
    lines.push(`### ${folder}`, '', '| file | lines | purpose |', '|---|---|---|')
    for (const file of members) {
      const text = readText(root, file)
      lines.push(`| [${file}](${encodeURI(file)}) | ${text.split('\n').length} | ${purposeOf(text) ?? ''} |`)
    }
    lines.push('')
    console.log(`described ${members.length} files in ${folder}`)
  }
  return { lines, summary: `described ${code.length} code files in ${folders.size} folders` }
}

function rankFiles() {
  const users = new Map()
  for (const file of code) {
    for (const target of importsOf(file, readText(root, file), known)) users.set(target, (users.get(target) ?? 0) + 1)
  }
  const top = [...users].toSorted((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, 15)
  console.log(`found ${users.size} files that others import`)
  return {
    lines: ['| file | imported by |', '|---|---|', ...top.map(([file, count]) => `| ${file} | ${count} |`), ''],
    summary: top.length === 0 ? 'no file imports another' : `${top[0][0]} is imported most, by ${top[0][1]} files`,
  }
}

function findCare() {
  const large = code
    .filter((file) => readText(root, file).split('\n').length > 400)
    .map((file) => `- ${file} is over 400 lines`)
  const silent = code.filter((file) => purposeOf(readText(root, file)) === null)
  const dead = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      brokenLinks(file, readText(root, file), (path) => existsSync(join(root, path))).map(
        (link) => `- ${file} links to ${link}, which is not there`,
      ),
    )
  const lines = [
    ...dead,
    ...large,
    `- ${silent.length} of ${code.length} code files don't begin by saying what they are for`,
    '',
  ]
  console.log(`found ${dead.length} dead links, ${large.length} large files, ${silent.length} files without a purpose`)
  return {
    lines,
    summary: `${dead.length} dead links, ${large.length} large files, ${silent.length} files without a stated purpose`,
  }
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function answer(response) {
  writeFileSync(process.env.ACE_RUNTIME_RESPONSE_FILE, JSON.stringify(response))
}

const path = join(root, MAP)
const map = existsSync(path) ? readFileSync(path, 'utf8') : ''
const step = steps.find(({ heading }) => !map.includes(`\n${heading}\n`))
console.log(`turn ${request.turn_number} of ${request.max_turns} (${request.kind}): ${request.task}`)
if (step === undefined) {
  const summary = `${MAP} describes ${code.length} files and says what needs care`
  answer({ status: 'done', summary, evidence_refs: [`file:${MAP}`] })
} else {
  const { lines, summary } = step.run()
  const head = map === '' ? '# Code map\n' : map.trimEnd()
  writeFileSync(path, `${head}\n\n${step.heading}\n\n${lines.join('\n')}`)
  answer({ status: 'continue', summary, next_task: step.next, evidence_refs: [`file:${MAP}`] })
}
