import { setTimeout as pause } from 'node:timers/promises'

const waitMsMax = 30_000
const pollMs = 5

/** Waits until the condition holds; throws after ten seconds, or the time given, naming what never came. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = waitMsMax): Promise<void> {
  const endMs = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`)
    await pause(pollMs)
  }
}
