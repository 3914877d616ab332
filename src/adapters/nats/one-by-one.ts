/**
 * Gives the members of batches one by one, as an async generator would that yields each; but what is there already costs
 * no generator's work, which for many thousands of events is a good part of what reading them costs.
 */
export function oneByOne<Member, Item>(
  batches: AsyncGenerator<readonly Member[], void>,
  /** Null: the member is left out. */
  pick: (member: Member) => Item | null,
): AsyncIterableIterator<Item> & { there: () => Item | null } {
  let batch: readonly Member[] = []
  let at = 0
  let asked = 0
  let turn: Promise<unknown> = Promise.resolve()

  function picked(): Item | null {
    while (at < batch.length) {
      const item = pick(batch[at++] as Member)
      if (item !== null) return item
    }
    return null
  }

  /** Null too while an answer is due: that comes first. */
  const there = (): Item | null => (asked === 0 ? picked() : null)

  async function get(): Promise<IteratorResult<Item, undefined>> {
    for (;;) {
      const item = picked()
      if (item !== null) return { done: false, value: item }
      const next = await batches.next()
      if (next.done === true) return { done: true, value: undefined }
      batch = next.value
      at = 0
    }
  }

  return {
    there,
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      const item = there()
      if (item !== null) return Promise.resolve({ done: false, value: item })
      // One after the other, should anybody ask without waiting for the answers.
      asked += 1
      const answer = turn.then(get)
      const answered = () => (asked -= 1)
      turn = answer.then(answered, answered)
      return answer
    },
    async return() {
      batch = []
      await batches.return()
      return { done: true, value: undefined }
    },
  }
}
