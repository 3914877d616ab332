/** What a workflow text means: defaults, checks, unknown keys, and how each broken key is named. */
import { describe, expect, it } from 'vitest'
import { parseWorkflow, workflowTextMaxBytes } from '../../src/adapters/workflow/parse-workflow.ts'
import { workflowKeys } from '../../src/adapters/workflow/schema-walk.ts'
import { effectiveLimits } from '../../src/events/limits.ts'
import { MODEL_CLASS_DEFAULTS, MODEL_CLASSES } from '../../src/events/workflow-config.ts'
import { isSwarmError, type SwarmError } from '../../src/runtime/errors.ts'

const load = (yaml: string) => parseWorkflow(`---\n${yaml}\n---\nDo {{ task }}`, 'WORKFLOW.md')
const withExecutor = (yaml: string) => load(`executor: {command: agent}\n${yaml}`)

function faultOf(work: () => unknown): SwarmError {
  try {
    work()
  } catch (error) {
    if (isSwarmError(error)) return error
    throw error
  }
  throw new Error('expected a SwarmError')
}

function at(root: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, key) => (value as Record<string, unknown> | undefined)?.[key], root)
}

describe('defaults', () => {
  const table: [path: string, value: unknown][] = [
    ['runtime.mode', 'unattended'],
    ['executor.command', 'agent'],
    ['executor.protocol', 'ace'],
    ['executor.max_turns', 6],
    ['executor.turn_timeout_ms', undefined],
    ['executor.env', undefined],
    ['executor.secrets', []],
    ['model.class', 'frontier'],
    ['liveness.stall_window_ms', undefined],
    ['liveness.max_stall_restarts', undefined],
    ['liveness.initial_backoff_ms', undefined],
    ['liveness.max_retry_backoff_ms', undefined],
    ['workspace.source', undefined],
    ['workspace.root', undefined],
    ['workspace.on_cleanup', 'remove'],
    ['hooks.after_create', undefined],
    ['hooks.before_run', undefined],
    ['hooks.after_run', undefined],
    ['hooks.before_remove', undefined],
    ['hooks.timeout_ms', 60_000],
    ['autonomy.before_run', []],
    ['autonomy.stop', []],
    ['autonomy.on_stop_failure', 'block'],
    ['context.recall', true],
    ['context.continuity', true],
    ['output.emit_to', ['tui', 'vericify']],
    ['output.silent_unless_blocked', false],
    ['output.require_approval_before_emit', false],
    ['blocked.hold_ms', 0],
    ['tools.allow', undefined],
    ['tools.deny', []],
    ['budgets.read_file_lines_max_lines', undefined],
  ]
  const { config } = withExecutor('')

  it.each(table)('%s', (path, value) => expect(at(config, path)).toEqual(value))

  it('are stated above for every key', () => {
    expect(table.map(([path]) => path).toSorted()).toEqual(
      workflowKeys()
        .map(({ path }) => path)
        .toSorted(),
    )
  })

  it.each(MODEL_CLASSES)('of liveness and budgets follow the class %s', (name) => {
    const limits = effectiveLimits(withExecutor(`model: {class: ${name}}`).config, {})
    expect(limits).toEqual({ max_turns: 6, hold_ms: 0, ...MODEL_CLASS_DEFAULTS[name] })
  })

  it('give way to what is written', () => {
    const { config } = load('executor: {command: a, turn_timeout_ms: 5000}\nliveness: {stall_window_ms: 0}')
    expect(effectiveLimits(config, {})).toMatchObject({
      turn_timeout_ms: 5000,
      stall_window_ms: 0,
      max_stall_restarts: 2,
    })
  })

  it('take a section whose keys are all commented out for an empty one', () => {
    expect(withExecutor('liveness:\n  # stall_window_ms: 1\nhooks:').config.hooks).toEqual({ timeout_ms: 60_000 })
  })
})

describe('checks', () => {
  it('come as a string or as a map of one form', () => {
    const { config } = withExecutor(`
autonomy:
  stop:
    - npm test
    - {name: unit, command: npm run unit, timeout_ms: 5}
    - {file_exists: README.md}
    - {name: some, files_changed: {include: ['src/**'], min: 1, max: 9}}
    - {files_changed: {}}
    - {no_uncommitted_changes: true}`)
    expect(config.autonomy.stop).toEqual([
      { command: 'npm test', timeout_ms: 60_000 },
      { name: 'unit', command: 'npm run unit', timeout_ms: 5 },
      { file_exists: 'README.md' },
      { name: 'some', files_changed: { include: ['src/**'], min: 1, max: 9 } },
      { files_changed: { include: ['**'] } },
      { no_uncommitted_changes: true },
    ])
  })
})

describe('a broken key', () => {
  const checkForms = 'command, file_exists, files_changed, no_uncommitted_changes'
  it.each([
    ['executor: {}', 'executor.command: required, but missing'],
    ['executor:', 'executor.command: required, but missing'],
    ['{}', 'executor.command: required, but missing'],
    ['executor: {command: "  "}', 'executor.command: expected a non-blank string'],
    ['executor: {command: 7}', 'executor.command: expected string'],
    ['executor: agent', 'executor: expected map'],
    ['executor: {command: a, protocol: json}', 'executor.protocol: expected one of ace, exit-code'],
    ['executor: {command: a, max_turns: 0}', 'executor.max_turns: expected integer >= 1'],
    ['executor: {command: a, max_turns: 1.5}', 'executor.max_turns: expected integer >= 1'],
    ['executor: {command: a, max_turns: "3"}', 'executor.max_turns: expected integer >= 1'],
    ['executor: {command: a, max_turns: }', 'executor.max_turns: expected integer >= 1'],
    ['executor: {command: a, turn_timeout_ms: 999}', 'executor.turn_timeout_ms: expected integer >= 1000'],
    ['executor: {command: a, turn_timeout_ms: 2147483648}', 'executor.turn_timeout_ms: expected integer <= 2147483647'],
    ['executor: {command: a, env: PATH}', 'executor.env: expected list of strings, or map of strings'],
    ['executor: {command: a, env: {PORT: 80}}', 'executor.env.PORT: expected string'],
    ['executor: {command: a, env: [1]}', 'executor.env.0: expected string'],
    [
      'executor: {command: a}\nliveness: {max_stall_restarts: -1}',
      'liveness.max_stall_restarts: expected integer >= 0',
    ],
    ['executor: {command: a}\nliveness: {stall_window_ms: soon}', 'liveness.stall_window_ms: expected integer'],
    [
      'executor: {command: a}\nworkspace: {source: git}',
      'workspace.source: expected one of worktree, copy, empty, in-place',
    ],
    ['executor: {command: a}\nhooks: {after_run: [ls]}', 'hooks.after_run: expected string'],
    ['executor: {command: a}\ncontext: {recall: "yes"}', 'context.recall: expected true or false'],
    [
      'executor: {command: a}\noutput: {emit_to: [Big Sink]}',
      'output.emit_to.0: expected a sink name such as tui or vericify',
    ],
    ['executor: {command: a}\nautonomy: {stop: npm test}', 'autonomy.stop: expected list of checks'],
    [
      'executor: {command: a}\nautonomy: {stop: [1]}',
      `autonomy.stop.0: expected a shell command, or a map with one of ${checkForms}`,
    ],
    ['executor: {command: a}\nautonomy: {stop: [{name: x}]}', `autonomy.stop.0: expected exactly one of ${checkForms}`],
    [
      'executor: {command: a}\nautonomy: {stop: [a, {command: b, timeout_ms: 0}]}',
      'autonomy.stop.1.timeout_ms: expected integer >= 1',
    ],
    [
      'executor: {command: a}\nautonomy: {before_run: [{files_changed: {include: []}}]}',
      'autonomy.before_run.0.files_changed.include: expected list of strings, at least 1',
    ],
  ])('%s', (yaml, line) => {
    const fault = faultOf(() => load(yaml))
    expect(fault.code).toBe('workflow_invalid')
    expect(fault.message).toBe(`WORKFLOW.md: ${line}`)
  })

  it('does not hide the others', () => {
    const fault = faultOf(() => load('executor: {max_turns: 0}\nmodel: {class: tiny}'))
    expect(fault.details['issues']).toEqual([
      { path: 'executor.command', message: 'required, but missing' },
      { path: 'executor.max_turns', message: 'expected integer >= 1' },
      { path: 'model.class', message: 'expected one of frontier, large_local, small_local' },
    ])
    expect(fault.message).not.toContain('\n')
  })
})

describe('unknown keys', () => {
  it('are accepted and named by their full path', () => {
    const { warnings } = load(`
executor: {command: a, max_turn: 3, env: {ANYTHING: goes}}
autonomy: {stop: [a, {command: b, retries: 1}, {files_changed: {exclude: []}}]}
constructor: 1
team: {size: 2}`)
    expect(warnings).toEqual([
      'unknown key executor.max_turn is ignored',
      'unknown key autonomy.stop.1.retries is ignored',
      'unknown key autonomy.stop.2.files_changed.exclude is ignored',
      'unknown key constructor is ignored',
      'unknown key team is ignored',
    ])
  })

  it('are no worse than unknown tools, which a policy would leave as they are', () => {
    const { warnings } = load(`
executor: {command: a}
tools: {allow: [read_file_lines, search_txt], deny: [run_command, bogus_tool]}`)
    expect(warnings).toEqual([
      expect.stringMatching(/^tools\.allow: no tool is named search_txt; there are read_file_lines, .*, run_command$/),
      expect.stringMatching(/^tools\.deny: no tool is named bogus_tool; there are read_file_lines, /),
    ])
  })
})

describe('the text', () => {
  it('may have a byte order mark and CRLF line ends', () => {
    const text = '\uFEFF---\r\nexecutor:\r\n  command: |\r\n    one\r\n    two\r\n---\r\nDo\r\nit\r\n'
    const { config, template } = parseWorkflow(text, 'W')
    expect(config.executor.command).toBe('one\ntwo\n')
    expect(template).toBe('Do\nit\n')
  })

  it('is all prompt when it does not open with three dashes on line 1', () => {
    const fault = faultOf(() => parseWorkflow('\n---\nexecutor: {command: a}\n---\nDo it', 'W'))
    expect(fault.code).toBe('workflow_invalid')
    expect(fault.message).toContain('executor.command: required, but missing (there is no front matter')
  })

  it('keeps further lines of dashes in the prompt', () => {
    expect(parseWorkflow('---\nexecutor: {command: a}\n---\nA\n---\nB', 'W').template).toBe('A\n---\nB')
  })

  it.each([
    ['workflow_unclosed', '---\nexecutor: {command: a}\nDo it'],
    ['workflow_yaml', '---\nexecutor: {command: [a}\n---\n'],
    ['workflow_yaml', '---\nexecutor: {command: a}\nexecutor: {command: b}\n---\n'],
    ['workflow_yaml', '---\nexecutor: {command: *nowhere}\n---\n'],
    ['workflow_yaml', '---\nexecutor: !secret {command: a}\n---\n'],
    ['workflow_not_a_map', '---\n- executor\n---\n'],
    ['workflow_not_a_map', '---\njust words\n---\n'],
    ['workflow_invalid', `---\nexecutor: {command: a}\n---\n${'ä'.repeat(workflowTextMaxBytes / 2)}`],
  ])('%s', (code, text) => expect(faultOf(() => parseWorkflow(text, 'W')).code).toBe(code))

  it('names the line of broken YAML', () => {
    expect(faultOf(() => parseWorkflow('---\na: 1\na: 2\n---\n', 'W')).message).toBe('W:3: Map keys must be unique')
  })

  it('cannot grow without bound by aliases', () => {
    const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]`
    const bomb = ['a: &a [x, x, x]', level('b', 'a'), level('c', 'b'), level('d', 'c'), level('e', 'd')].join('\n')
    expect(faultOf(() => withExecutor(bomb)).code).toBe('workflow_yaml')
  })
})

describe('secrets in executor.env', () => {
  const load = (env: string) => () => parseWorkflow(`---\nexecutor: { command: a, env: ${env} }\n---\n`, 'WORKFLOW.md')

  it('are refused when they are written out, by name and never by value', () => {
    expect(load('{API_KEY: hunter22, LANG: C}')).toThrow(/^WORKFLOW.md: executor.env.API_KEY: a secret can't stand/)
    expect(load('{API_KEY: hunter22}')).not.toThrow(/hunter22/)
  })

  it('may be taken from the runner, and settings stay settings', () => {
    expect(load('{API_KEY: $MINE, USE_KEYCHAIN: "true", LANG: C}')).not.toThrow()
  })
})
