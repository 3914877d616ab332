/** Where the workflow comes from: lookup order, unreadable files, a command line instead, paths in it. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileWorkflows } from '../../src/adapters/workflow/file-workflows.ts'
import { WORKFLOW_PLACES } from '../../src/adapters/workflow/locate-workflow.ts'
import { workflowTextMaxBytes } from '../../src/adapters/workflow/parse-workflow.ts'

let sourceDir: string
beforeEach(async () => {
  sourceDir = await mkdtemp(join(tmpdir(), 'workflow-'))
})
afterEach(() => rm(sourceDir, { recursive: true }))

const textOf = (command: string) => `---\nexecutor: {command: ${command}}\n---\nDo {{ task }}\n`

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(sourceDir, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}

describe('lookup', () => {
  it('takes the first place that has a file', async () => {
    for (const place of WORKFLOW_PLACES.toReversed()) {
      const path = await put(place, textOf(place))
      expect(await fileWorkflows({ sourceDir }).load()).toMatchObject({
        path,
        directory: dirname(path),
        digest: createHash('sha256').update(textOf(place)).digest('hex'),
        template: 'Do {{ task }}\n',
        config: { executor: { command: place } },
      })
    }
  })

  it('takes a named file and no other', async () => {
    await put('WORKFLOW.md', textOf('found'))
    const workflowPath = await put('other/flow.md', textOf('named'))
    expect((await fileWorkflows({ sourceDir, workflowPath }).load()).config.executor.command).toBe('named')
    const missing = fileWorkflows({ sourceDir, workflowPath: join(sourceDir, 'nowhere.md') })
    await expect(missing.load()).rejects.toMatchObject({ code: 'workflow_missing' })
  })

  it('reads anew each time', async () => {
    const workflows = fileWorkflows({ sourceDir })
    await put('WORKFLOW.md', textOf('before'))
    const { digest, config } = await workflows.load()
    expect((await workflows.load()).config, 'sessions of one text share its config').toBe(config)
    await put('WORKFLOW.md', textOf('after'))
    const again = await workflows.load()
    expect(again.config.executor.command).toBe('after')
    expect(again.digest).not.toBe(digest)
  })

  it('names all places when there is no file', async () => {
    const load = fileWorkflows({ sourceDir }).load()
    await expect(load).rejects.toMatchObject({
      code: 'workflow_missing',
      details: { paths: WORKFLOW_PLACES.map((place) => join(sourceDir, place)) },
    })
  })

  it('stops at a file that is there but cannot be read', async () => {
    await mkdir(join(sourceDir, 'ACE_WORKFLOW.md'))
    await put('WORKFLOW.md', textOf('found'))
    await expect(fileWorkflows({ sourceDir }).load()).rejects.toMatchObject({ code: 'workflow_unreadable' })
  })

  it('refuses text that is not UTF-8, or too much of it', async () => {
    await put('WORKFLOW.md', new Uint8Array([0x2d, 0xff, 0xfe]))
    await expect(fileWorkflows({ sourceDir }).load()).rejects.toMatchObject({ code: 'workflow_unreadable' })
    await put('WORKFLOW.md', textOf('a').padEnd(workflowTextMaxBytes + 1))
    await expect(fileWorkflows({ sourceDir }).load()).rejects.toMatchObject({ code: 'workflow_invalid' })
    await put('WORKFLOW.md', textOf('a').padEnd(workflowTextMaxBytes))
    expect((await fileWorkflows({ sourceDir }).load()).config.executor.command).toBe('a')
  })

  it('refuses a workflow that is not for unattended sessions', async () => {
    await put('WORKFLOW.md', '---\nruntime: {mode: interactive}\nexecutor: {command: a}\n---\n')
    await expect(fileWorkflows({ sourceDir }).load()).rejects.toMatchObject({ code: 'not_unattended' })
  })
})

describe('a command instead of a file', () => {
  it('looks no file up and has all defaults', async () => {
    await put('WORKFLOW.md', '---\nbroken')
    const workflow = await fileWorkflows({ sourceDir, command: { command: 'make', protocol: 'exit-code' } }).load()
    expect(workflow).toMatchObject({ template: '', path: null, directory: sourceDir, warnings: [] })
    expect(workflow.config.executor).toEqual({ command: 'make', protocol: 'exit-code', max_turns: 6, secrets: [] })
    expect(workflow.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('has a digest of its own for each command and protocol', async () => {
    const digestOf = async (command: string, protocol?: 'ace' | 'exit-code') =>
      (await fileWorkflows({ sourceDir, command: { command, protocol } }).load()).digest
    expect(await digestOf('a')).toBe(await digestOf('a', 'ace'))
    expect(new Set([await digestOf('a'), await digestOf('b'), await digestOf('a', 'exit-code')]).size).toBe(3)
  })

  it('is refused when blank, and beside a file', async () => {
    const blank = fileWorkflows({ sourceDir, command: { command: ' ' } })
    await expect(blank.load()).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(() => fileWorkflows({ sourceDir, workflowPath: 'W.md', command: { command: 'a' } })).toThrowError(
      expect.objectContaining({ code: 'invalid_argument' }),
    )
  })
})

describe('paths in a workflow', () => {
  it('resolve from its directory, and ~ is home', async () => {
    await put('agent-state/ACE_WORKFLOW.md', textOf('a'))
    const workflows = fileWorkflows({ sourceDir })
    const workflow = await workflows.load()
    expect(workflows.resolvePath(workflow, '../spaces')).toBe(join(sourceDir, 'spaces'))
    expect(workflows.resolvePath(workflow, '/var/spaces')).toBe('/var/spaces')
    expect(workflows.resolvePath(workflow, '~')).toBe(homedir())
    expect(workflows.resolvePath(workflow, '~/spaces')).toBe(join(homedir(), 'spaces'))
    expect(workflows.resolvePath(workflow, '~other')).toBe(join(sourceDir, 'agent-state', '~other'))
  })
})
