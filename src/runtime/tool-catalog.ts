/** Which tools a turn is offered, which not and why, and how they are ranked. Pure. */
import type { CapabilitySnapshot, ToolChoiceAudit } from '../events/parts.ts'
import type { ModelClass } from '../events/workflow-config.ts'
import type { ToolDescription } from './ports.ts'

/** The built-in tools, which are all there are. */
export const TOOL_NAMES = [
  'read_file_lines',
  'list_files',
  'search_text',
  'write_file',
  'replace_in_file',
  'git_status',
  'git_diff',
  'run_command',
] as const
export type ToolName = (typeof TOOL_NAMES)[number]

export type CatalogInput = {
  tools: readonly ToolDescription[]
  modelClass: ModelClass
  allow: readonly string[] | undefined
  deny: readonly string[]
  hasGit: boolean
  readLinesMax: number
}
export type Catalog = { offered: ToolDescription[]; snapshot: CapabilitySnapshot; audit: ToolChoiceAudit }
type Unavailable = CapabilitySnapshot['unavailable_tools'][number]

export function catalogFor(input: CatalogInput): Catalog {
  const offered: ToolDescription[] = []
  const unavailable_tools: Unavailable[] = []
  for (const tool of input.tools) {
    const reason_code = whyUnavailable(tool, input)
    if (reason_code === null) offered.push(tool)
    else unavailable_tools.push({ name: tool.name, reason_code })
  }
  return {
    offered,
    snapshot: { tools: offered.map(({ name, cost_class }) => ({ name, cost_class })), unavailable_tools },
    audit: rank(offered, input),
  }
}

function whyUnavailable(
  tool: ToolDescription,
  { allow, deny, hasGit, modelClass }: CatalogInput,
): Unavailable['reason_code'] | null {
  if (deny.includes(tool.name) || (allow !== undefined && !allow.includes(tool.name))) return 'policy_disabled'
  if (tool.needs === 'git' && !hasGit) return 'workspace_disabled'
  return tool.cost_class === 'heavy' && modelClass === 'small_local' ? 'heavy_for_small_local' : null
}

/** Frontier models get the tools as they are; smaller ones are told to try the cheaper ones first. */
function rank(offered: readonly ToolDescription[], { modelClass, readLinesMax }: CatalogInput): ToolChoiceAudit {
  const demoted = modelClass === 'frontier' ? [] : offered.filter((tool) => tool.cost_class !== 'light')
  return {
    priority_tools: offered.filter((tool) => !demoted.includes(tool)).map((tool) => tool.name),
    demoted_tools: demoted.map((tool) => ({ name: tool.name, reason: `${tool.cost_class}_for_${modelClass}` })),
    selected_budget: { name: 'read_file_lines_max_lines', max_lines: readLinesMax },
  }
}
