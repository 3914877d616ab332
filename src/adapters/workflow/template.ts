/** Renders prompts: Liquid, strict about names, without access to files, and bounded in time and size. */
import { Liquid, type Template } from 'liquidjs'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { DEFAULT_PROMPT } from './default-prompt.ts'

export const templateTextMaxBytes = 262_144
/** Rendering happens between other sessions' work, so it must not take long. */
export const templateRenderMs = 1_000
/** Liquid's own count of what ranges, joins and the like allocate. */
export const templateMemoryMaxUnits = 10_000_000
export const promptMaxCharacters = 4_194_304
/** Sessions of a runner share a few templates; so many of those used last are kept parsed. */
const parsedTemplatesMax = 8

/** Tags that read other templates: there are none to read. */
const FILE_TAGS = ['include', 'render', 'layout', 'block'] as const

/** What a template may always name, also where a caller has nothing to give. */
const ABSENT = {
  continuity: [],
  recall: [],
  tools: [],
  previous_tool_calls: [],
  failed_checks: [],
  stall: null,
  guidance: null,
  context: {},
} as const

/** A blank template is the default prompt. Throws `template_error` naming line and cause. */
export async function renderTemplate(template: string, variables: Readonly<Record<string, unknown>>): Promise<string> {
  const source = template.trim() === '' ? DEFAULT_PROMPT : template
  const scope = plain({ ...ABSENT, ...variables })
  const prompt = await renderWith(source, scope)
  if (prompt.length <= promptMaxCharacters) return prompt
  throw new SwarmError('template_error', `the rendered prompt is longer than ${promptMaxCharacters} characters`)
}

async function renderWith(source: string, scope: object): Promise<string> {
  try {
    engine ??= strictLiquid()
    return String(await engine.render(parsed(engine, source), scope))
  } catch (error) {
    throw new SwarmError('template_error', causeOf(error), {
      details: { line: positionOf(error)?.[0] ?? null },
      cause: error,
    })
  }
}

/** Made when first used; a rendering leaves nothing behind in it. */
let engine: Liquid | undefined
const templates = new Map<string, Template[]>()

function parsed(liquid: Liquid, source: string): Template[] {
  const template = templates.get(source) ?? liquid.parse(source)
  templates.delete(source)
  templates.set(source, template)
  const [oldest] = templates.keys()
  if (templates.size > parsedTemplatesMax && oldest !== undefined) templates.delete(oldest)
  return template
}

function strictLiquid(): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    templates: {},
    parseLimit: templateTextMaxBytes,
    renderLimit: templateRenderMs,
    memoryLimit: templateMemoryMaxUnits,
  })
  for (const tag of FILE_TAGS) delete liquid.tags[tag]
  return liquid
}

/** `line 3 of the prompt template: undefined variable: tsak` */
function causeOf(error: unknown): string {
  const position = positionOf(error)
  // Liquid appends the position in its own form, and the file where there is one.
  const cause = messageOf(error).replace(/(, file:.*?)?, line:\d+, col:\d+.*$/, '')
  return position === null ? cause : `line ${position[0]} of the prompt template: ${cause}`
}

function positionOf(error: unknown): [line: number, column: number] | null {
  if (!(error instanceof Error) || !('token' in error)) return null
  const token = error.token
  if (typeof token !== 'object' || token === null || !('getPosition' in token)) return null
  if (typeof token.getPosition !== 'function') return null
  const [line, column]: unknown[] = token.getPosition()
  return typeof line === 'number' && typeof column === 'number' ? [line, column] : null
}

/** Plain data only; what is undefined becomes null, so that it can be asked for with `if` in spite of strictness. */
function plain(variables: object): object {
  const text = JSON.stringify(variables, (_key, value: unknown) => (value === undefined ? null : value))
  return JSON.parse(text) as object
}
