/** What the example's executor and its stop check both need: which files there are, and what each says of itself. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export const MAP = 'CODEMAP.md'
const CODE = /\.(mjs|cjs|js|ts|tsx|py|go|rs|java|rb|sh|c|h|cpp)$/
const LEFT_OUT = /^(node_modules|dist|\.git|\.swarmtrail|coverage)(\/|$)/

/** Tracked and new files; in a directory without git, all files but generated ones. */
export function filesOf(root) {
  let files
  try {
    const listed = execFileSync('git', ['-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    files = listed.toString().split('\0').filter(Boolean)
  } catch {
    // No git here: a plain copy.
    files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
  }
  return files.filter((file) => !LEFT_OUT.test(file) && file !== MAP).toSorted()
}

export const isCode = (file) => CODE.test(file)

/** The first sentence of a file's leading comment; null when it has none. */
export function purposeOf(text) {
  const body = text.replace(/^#!.*\n/, '').trimStart()
  const block = /^\/\*\*?([\s\S]*?)\*\//.exec(body)?.[1] ?? /^"""([\s\S]*?)"""/.exec(body)?.[1]
  const lines = block ?? /^((?:(?:\/\/|#).*\n)+)/.exec(body)?.[1]
  if (lines === undefined) return null
  const plain = lines
    .replace(/^\s*(?:\*|\/\/|#)\s?/gm, '')
    .replace(/\s+/g, ' ')
    .replaceAll('|', '/')
    .trim()
  const sentence = /^(.*?[.:!?])(?:\s|$)/.exec(plain)?.[1] ?? plain
  return sentence === '' ? null : sentence.slice(0, 160)
}

/** Which of the repository's files a file imports by a relative path. */
export function importsOf(file, text, known) {
  const found = text.matchAll(/(?:from|import|require\()\s*['"](\.{1,2}\/[^'"]+)['"]/g)
  return [...found].map((match) => normalize(join(dirname(file), match[1]))).filter((target) => known.has(target))
}

/** Relative links of a Markdown file that lead nowhere. */
export function brokenLinks(file, text, exists) {
  const prose = text.replace(/```[\s\S]*?```/g, '').replace(/`[^`]*`/g, '')
  return [...prose.matchAll(/\]\((?!\w+:|#)([^)\s#]+)[^)]*\)/g)]
    .map((match) => match[1])
    .filter((link) => !exists(normalize(join(dirname(file), decodeURIComponent(link)))))
}

export const readText = (root, file) => readFileSync(join(root, file), 'utf8')
