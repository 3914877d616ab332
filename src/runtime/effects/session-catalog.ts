import type { EffectScope } from '../effect-scope.ts'
import type { RunnerPorts } from '../ports.ts'
import { catalogFor, type Catalog } from '../tool-catalog.ts'
import { startedIn, workspaceIn } from './effect.ts'

/** The tools that this session's turns are offered: the same when a turn is prepared and when it asks for one. */
export function catalogIn(scope: EffectScope, { tools }: Pick<RunnerPorts, 'tools'>): Catalog {
  const { config, limits } = startedIn(scope)
  return catalogFor({
    tools: tools.descriptions,
    modelClass: config.model.class,
    allow: config.tools.allow,
    deny: config.tools.deny,
    hasGit: workspaceIn(scope).base_commit !== null,
    readLinesMax: limits.read_file_lines_max_lines,
  })
}
