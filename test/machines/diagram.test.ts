import { describe, expect, it } from 'vitest'
import { machineDiagram } from '../../src/machines/diagram.ts'
import { sessionMachine } from '../../src/machines/session-machine.ts'

describe('machineDiagram', () => {
  const text = machineDiagram()
  const lines = text.split('\n').map((line) => line.trim())

  it('is the same each time', () => {
    expect(machineDiagram()).toBe(text)
  })

  it('shows every phase and every state in it', () => {
    for (const [phase, { states }] of Object.entries(sessionMachine.root.states)) {
      for (const inner of Object.keys(states)) expect(lines).toContain(`state "${inner}" as ${phase}_${inner}`)
      expect(text).toContain(`state "${phase}" as ${phase}`)
    }
  })

  it('begins unstarted and ends closed', () => {
    expect(lines[0]).toBe('stateDiagram-v2')
    expect(lines).toContain('[*] --> unstarted')
    expect(lines).toContain('closed --> [*]')
  })

  it('names what moves a session on: events, and in brackets guards', () => {
    expect(lines).toContain('unstarted --> queued : start.requested')
    expect(lines).toContain('executing --> stalled : turn.stalled<br/>turn.interrupted')
    expect(lines).toContain('stalled --> executing : turn.started to running')
    expect(lines).toContain('preflight --> executing')
    expect(lines).toContain('blocked --> preflight : session.resumed [blockedBeforeRun] to setUp')
    expect(lines).toContain('executing_responding --> executing_tooling : [toolCallsLeft]')
    expect(lines).toContain('executing_routing --> executing_preparing : [otherwise]')
  })

  it('leaves out commands and facts that move nothing, and draws no edge across the insides of two composites', () => {
    expect(text).not.toMatch(/[A-Z]{2,}_/)
    expect(text).not.toContain('turn.progressed')
    for (const line of lines) {
      const [, from, to] = /^(\w+)_\w+ --> (\w+?)_\w+/.exec(line) ?? []
      expect({ line, from }).toEqual({ line, from: to })
    }
  })
})
