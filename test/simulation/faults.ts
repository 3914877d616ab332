/** Which faults a seed has, and how often: each is off in some seeds, so that none hides what another would show. */
import type { Random } from './random.ts'
import type { Fate } from './world.ts'

type Rates = {
  /** Of calls over the network. */
  unreachable: number
  slow: number
  /** Of appends only: written and the answer lost, not written and no answer, written much later. */
  answerLost: number
  requestLost: number
  late: number
  /** Of work on disk: workspaces that can't be made, captured or removed. */
  disk: number
}

export class Faults {
  active = true
  readonly unreachable: number
  readonly slow: number
  readonly late: number
  readonly disk: number
  private readonly rates: Rates

  constructor(rates: Rates) {
    this.rates = rates
    this.unreachable = rates.unreachable
    this.slow = rates.slow
    this.late = rates.late
    this.disk = rates.disk
  }

  fateOf(random: Random, isAppend: boolean): Fate {
    if (!this.active) return 'done'
    if (random.chance(this.unreachable)) return 'unreachable'
    if (!isAppend) return 'done'
    if (random.chance(this.rates.answerLost)) return 'answer_lost'
    if (random.chance(this.rates.requestLost)) return 'request_lost'
    return random.chance(this.late) ? 'late' : 'done'
  }
}

export function noFaults(): Faults {
  return new Faults({ unreachable: 0, slow: 0, answerLost: 0, requestLost: 0, late: 0, disk: 0 })
}

export function drawFaults(random: Random): Faults {
  const rate = (max: number) => (random.chance(0.5) ? 0 : random.unit() * max)
  return new Faults({
    unreachable: rate(0.15),
    slow: rate(0.08),
    answerLost: rate(0.2),
    requestLost: rate(0.08),
    late: rate(0.08),
    disk: rate(0.1),
  })
}
