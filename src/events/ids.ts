/** Session ids are used in subjects, paths and branch names, so anything else is refused, never rewritten. */
export const SESSION_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/
export const SESSION_ID_WORDS = '1 to 64 characters of A-Z a-z 0-9 _ -'
export const NAMESPACE_PATTERN = /^[A-Za-z0-9_-]{1,32}$/

export type SessionId = string

/** A pattern alone would take `undefined` for a name. */
export function isSessionId(value: unknown): boolean {
  return typeof value === 'string' && SESSION_ID_PATTERN.test(value)
}

/** Sequence of an event in the log; 0 stands for "before the first". Positions grow, with gaps but in the whole log. */
export type Position = number

/** Position of the last event of one trail; 0 for an empty trail. */
export type Version = number

/** A post is named after the session and the event it announces, so approving one needs no look-up. */
export function postIdOf(sessionId: SessionId, eventId: string): string {
  return `${sessionId}.${eventId}`
}

export function sessionOfPost(postId: string): SessionId {
  return postId.slice(0, Math.max(0, postId.indexOf('.')))
}
