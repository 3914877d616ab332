/** Chance with a seed (sfc32): the same seed draws the same numbers on every machine. */
export type Random = {
  /** From 0 up to, but not including, 1. */
  unit(): number
  /** A whole number from min to max, both included. */
  int(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
}

const WARM_UP_DRAWS = 12

export function randomOf(seed: number): Random {
  let [a, b, c, d] = [seed >>> 0, 0x9e3779b9, 0x243f6a88, 1]
  const unit = () => {
    const sum = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }
  for (let n = 0; n < WARM_UP_DRAWS; n++) unit()
  const int = (min: number, max: number) => min + Math.floor(unit() * (max - min + 1))
  return {
    unit,
    int,
    chance: (probability) => unit() < probability,
    pick: (from) => {
      const found = from[int(0, from.length - 1)]
      if (found === undefined) throw new Error('nothing to pick from')
      return found
    },
  }
}
