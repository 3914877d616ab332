/** Words of the vocabulary that are needed without its schemas, which take long to load. */

export const OUTCOMES = ['completed', 'failed', 'blocked', 'stopped'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What a check has as its output, and a hook as its error, when a stop cut it off. */
export const ENDED_BY_STOP = 'ended by a stop'
