/**
 * An executor as ACE knows them: it never touches the workspace itself. It reads its request, thinks, and answers;
 * what it wants to see or change it asks the runtime's tools for, and finds the results in the next turn's request.
 *
 * The job: cut a release in CHANGELOG.md. What was unreleased gets the version's heading, below a new empty section.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const request = JSON.parse(readFileSync(process.env.ACE_RUNTIME_REQUEST_FILE, 'utf8'))
const { version, date } = request.context
const heading = `## ${version} - ${date}`
const results = new Map(request.previous_tool_calls.map((result) => [result.tool_name, result]))

console.log(`turn ${request.turn_number}: ${request.task}`)
writeFileSync(process.env.ACE_RUNTIME_RESPONSE_FILE, JSON.stringify(answer()))

function answer() {
  if (typeof version !== 'string' || typeof date !== 'string') {
    return {
      status: 'blocked',
      summary: 'Which version, and of which day? Start me with a context of version and date.',
    }
  }
  if (results.size === 0) return look()
  const failed = [...results.values()].find((result) => !result.ok)
  if (failed !== undefined) {
    return { status: 'failed', summary: `${failed.tool_name}: ${failed.error.code}: ${failed.error.message}` }
  }
  return results.has('read_file_lines') ? change(results.get('read_file_lines').output.text) : judge()
}

/** Turn 1: see what there is. */
function look() {
  return {
    status: 'continue',
    summary: 'I need to see the changelog.',
    next_task: `Give what is unreleased the heading of ${version}.`,
    tool_calls: [{ name: 'read_file_lines', input: { path: 'CHANGELOG.md' } }],
  }
}

/** Turn 2: change it, and have the change shown and checked. */
function change(changelog) {
  const [, unreleased] = /^## Unreleased\n+([^]*?)(?=\n## |$(?![^]))/m.exec(changelog) ?? []
  if (changelog.includes(`## ${version} `)) return { status: 'failed', summary: `${version} is released already.` }
  if (unreleased === undefined || unreleased.trim() === '')
    return { status: 'blocked', summary: 'Nothing is unreleased. What shall be in it?' }
  return {
    status: 'continue',
    summary: `${unreleased.trim().split('\n').length} changes go into ${version}.`,
    next_task: 'See whether the change is what was asked for.',
    tool_calls: [
      {
        name: 'replace_in_file',
        input: { path: 'CHANGELOG.md', old_text: '## Unreleased\n', new_text: `## Unreleased\n\n${heading}\n` },
      },
      { name: 'git_diff', input: { path: 'CHANGELOG.md' } },
      { name: 'run_command', input: { command: `grep -c '^## ' CHANGELOG.md` } },
    ],
  }
}

/** Turn 3: judge by what the tools saw, not by what was meant. */
function judge() {
  const difference = JSON.stringify(results.get('git_diff').output)
  const sections = results.get('run_command').output.stdout.trim()
  if (!difference.includes(`+${heading}`))
    return { status: 'failed', summary: 'The difference does not show the new heading.' }
  return {
    status: 'done',
    summary: `${version} is cut; the changelog has ${sections} sections now.`,
    evidence_refs: ['file:CHANGELOG.md', `tool:git_diff`],
  }
}
