/** The workflow file that `swarmtrail init` writes. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { commentedWorkflow } from '../../src/adapters/workflow/commented-workflow.ts'
import { DEFAULT_PROMPT } from '../../src/adapters/workflow/default-prompt.ts'
import { checkConfig, parseWorkflow } from '../../src/adapters/workflow/parse-workflow.ts'
import { workflowKeys } from '../../src/adapters/workflow/schema-walk.ts'
import { effectiveLimits } from '../../src/events/limits.ts'
import { executorResponseSchema } from '../../src/events/parts.ts'

const withCommand = (command: string) => checkConfig({ executor: { command } }, 'test').config

describe('the file that init writes', () => {
  const text = commentedWorkflow()
  const yaml = text.split('\n---\n')[0] ?? ''
  const uncommented = yaml.replaceAll(/^ {2}#(?=[a-z_]+:)/gm, '  ')

  it('is valid as it stands and changes no default', () => {
    const { config, template, warnings } = parseWorkflow(text, 'init')
    expect(warnings).toEqual([])
    expect(template).toBe(DEFAULT_PROMPT)
    expect(config).toEqual(withCommand(config.executor.command))
  })

  it('shows every key, and stays valid with all of them set', () => {
    const value = parse(uncommented) as Record<string, Record<string, unknown>>
    const missing = workflowKeys().filter(({ section, key }) => value[section]?.[key] === undefined)
    expect(missing.map(({ path }) => path)).toEqual([])
    const { config, warnings } = parseWorkflow(`${uncommented}\n---\n`, 'init')
    expect(warnings).toEqual([])
    expect(effectiveLimits(config, {})).toEqual(effectiveLimits(withCommand('agent'), {}))
  })

  it('has an example command whose answer is valid', () => {
    const answer = /'(\{.*\})'/.exec(parseWorkflow(text, 'init').config.executor.command)?.[1] ?? ''
    expect(executorResponseSchema.parse(JSON.parse(answer)).status).toBe('done')
  })
})
