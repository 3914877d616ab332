/** Rung by callbacks, heard by one who waits. */
export type Bell = {
  ring: () => void
  /** Until it is rung, or the time is over: then false. A ring before the wait is not heard. */
  rung: (ms: number) => Promise<boolean>
}

export function bellOf(): Bell {
  let listener: (() => void) | null = null
  return {
    ring: () => listener?.(),
    rung: (ms) =>
      new Promise((resolve) => {
        const done = (rung: boolean) => {
          clearTimeout(timer)
          listener = null
          resolve(rung)
        }
        const timer = setTimeout(() => done(false), ms)
        listener = () => done(true)
      }),
  }
}
