/** The workflow file that `swarmtrail init` writes. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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

  it('has an example command that runs and answers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'workflow-init-'))
    try {
      const [prompt, response] = [join(directory, 'prompt'), join(directory, 'response')]
      await writeFile(prompt, 'Do it')
      const env = {
        ...process.env,
        ACE_RUNTIME_TURN_NUMBER: '1',
        ACE_RUNTIME_PROMPT_FILE: prompt,
        ACE_RUNTIME_RESPONSE_FILE: response,
      }
      const { command } = parseWorkflow(text, 'init').config.executor
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { env })
      expect(stdout).toMatch(/^turn 1 got a prompt of +5 bytes\n$/)
      expect(executorResponseSchema.parse(JSON.parse(await readFile(response, 'utf8'))).status).toBe('done')
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
