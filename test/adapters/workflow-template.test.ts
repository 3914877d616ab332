/** Prompts: strict names, no files, bounded work, and the default prompt in every kind of turn. */
import { describe, expect, it } from 'vitest'
import { promptMaxCharacters, renderTemplate } from '../../src/adapters/workflow/template.ts'
import { TURN_KINDS } from '../../src/events/parts.ts'

const variables = {
  task: 'Fix {{ the }} bug',
  session: { id: 'S1', workspace_path: '/spaces/S1', objective_id: null, tracker_item_id: null },
  turn: { number: 1, max: 6, kind: 'first' },
  continuity: [],
  recall: [],
  tools: [],
  previous_tool_calls: [],
  stall: null,
  guidance: null,
  failed_checks: [],
}

describe('a template', () => {
  it('knows the variables, and takes their content as it is', async () => {
    expect(await renderTemplate('{{ turn.number }}/{{ turn.max }} {{ task }}', variables)).toBe('1/6 Fix {{ the }} bug')
  })

  it('can ask for what is null, or was not given', async () => {
    const text = '{% if session.objective_id %}yes{% else %}no{% endif %}{% if stall %}yes{% endif %}{{ tools.size }}'
    expect(await renderTemplate(text, { session: variables.session })).toBe('no0')
    expect(await renderTemplate('{% if task %}yes{% else %}no{% endif %}', { task: undefined })).toBe('no')
  })

  it.each([
    ['a\n{{ tsak }}', 'line 2 of the prompt template: undefined variable: tsak'],
    ['{% if sesion %}x{% endif %}', 'line 1 of the prompt template: undefined variable: sesion'],
    ['{{ session.name }}', 'line 1 of the prompt template: undefined variable: session.name'],
    ['{{ task.constructor }}', 'line 1 of the prompt template: undefined variable: task.constructor'],
    ['\n\n{{ task | upcased }}', 'line 3 of the prompt template: undefined filter: upcased'],
    ['{% whatever %}', 'line 1 of the prompt template: tag "whatever" not found'],
    ['{% include "/etc/hosts" %}', 'line 1 of the prompt template: tag "include" not found'],
    ['{% render "other" %}', 'line 1 of the prompt template: tag "render" not found'],
    ['{% layout "other" %}', 'line 1 of the prompt template: tag "layout" not found'],
    ['{% if task %}x', 'line 1 of the prompt template: tag {% if task %} not closed'],
    ['x {{ task', 'line 1 of the prompt template: output "{{ task" not closed'],
    ['{% for i in (1..1000000000) %}x{% endfor %}', 'line 1 of the prompt template: memory alloc limit exceeded'],
    [
      '{% for i in (1..9000) %}{{ big }}{% endfor %}',
      `the rendered prompt is longer than ${promptMaxCharacters} characters`,
    ],
  ])('%s', async (template, message) => {
    const rendering = renderTemplate(template, { ...variables, big: 'x'.repeat(1000) })
    await expect(rendering).rejects.toMatchObject({ code: 'template_error', message })
  })
})

describe('the default prompt', () => {
  it.each(TURN_KINDS)('renders in a turn of kind %s with nothing to tell', async (kind) => {
    const prompt = await renderTemplate(' \n', { ...variables, turn: { number: 2, max: 6, kind } })
    expect(prompt).toContain('turn 2 of at most 6 in session S1')
    expect(prompt).toContain('Fix {{ the }} bug')
    expect(prompt).toContain('/spaces/S1')
    expect(prompt).toContain('ACE_RUNTIME_RESPONSE_FILE')
    expect(prompt).not.toMatch(/# (Earlier|What earlier|Tools|Results|Failed|Guidance)|\n{4}/)
    expect(prompt.includes('Continue from the workspace as it is')).toBe(kind !== 'first' && kind !== 'stop_check')
  })

  it('tells all there is to tell', async () => {
    const prompt = await renderTemplate('', {
      ...variables,
      session: { ...variables.session, objective_id: 'O1', tracker_item_id: 'T1' },
      turn: { number: 3, max: 6, kind: 'stall_restart' },
      stall: { stall_window_ms: 1000 },
      guidance: 'Use the other door',
      failed_checks: [{ name: 'npm test', output: '1 failed' }],
      continuity: [{ turn_number: 1, status: 'continue', summary: 'Half done' }],
      recall: [{ session_id: 'S0', outcome: 'blocked', summary: 'No key', evidence_refs: ['log:7'], files: ['a.ts'] }],
      tools: [{ name: 'list_files', description: 'Lists files', cost_class: 'light' }],
      previous_tool_calls: [{ tool_name: 'git_status', ok: false, error: { code: 'not_git', message: 'no git' } }],
    })
    for (const text of [
      'objective O1',
      'ticket T1',
      'fell silent',
      '{"stall_window_ms":1000}',
      'Use the other door',
      '## npm test\n\n1 failed',
      '- Turn 1 (continue): Half done',
      '- Session S0 (blocked): No key Evidence: log:7. Files: a.ts.',
      '- list_files: Lists files',
      '"code":"not_git"',
    ]) {
      expect(prompt).toContain(text)
    }
  })
})
