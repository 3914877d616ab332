import { compileSecrets, type Secrets, type SecretPattern } from '../../events/redaction.ts'

/**
 * Redacts a text that arrives in pieces: whatever the chunking, the pieces put out join to `redactText` of the whole.
 * Only an ending that could be the beginning of a secret is held back, so at most one character less than the longest
 * secret, and nothing as a rule.
 */
export class StreamRedactor {
  readonly #secrets: SecretPattern | null
  #held = ''

  constructor(secrets: Secrets) {
    this.#secrets = compileSecrets(secrets)
  }

  /** What can be said for certain after this piece. */
  push(text: string): string {
    return this.#secrets === null ? text : this.#redact(this.#held + text, this.#secrets, false)
  }

  /** The rest, once nothing more will come. */
  flush(): string {
    return this.#secrets === null ? '' : this.#redact(this.#held, this.#secrets, true)
  }

  #redact(text: string, secrets: SecretPattern, isLast: boolean): string {
    let out = ''
    let done = 0
    for (;;) {
      const openFrom = isLast ? text.length : undecidedFrom(text, done, secrets.values)
      secrets.pattern.lastIndex = done
      const match = secrets.pattern.exec(text)
      // A match from the undecided ending on may still become a longer secret, or one that starts earlier.
      if (match === null || match.index >= openFrom) {
        this.#held = text.slice(openFrom)
        return out + text.slice(done, openFrom)
      }
      out += text.slice(done, match.index) + secrets.labelOf(match[0])
      done = match.index + match[0].length
    }
  }
}

/** Where the longest ending begins that is a proper beginning of some secret; the text's length when there is none. */
function undecidedFrom(text: string, from: number, values: readonly string[]): number {
  let earliest = text.length
  for (const value of values) {
    let start = text.indexOf(value.charAt(0), Math.max(from, text.length - value.length + 1))
    while (start !== -1 && start < earliest && !value.startsWith(text.slice(start))) {
      start = text.indexOf(value.charAt(0), start + 1)
    }
    if (start !== -1 && start < earliest) earliest = start
  }
  return earliest
}
