/** Every subject, stream and bucket name of a namespace, built in this one place. */
import type { SessionId } from './ids.ts'

export type Names = ReturnType<typeof namesOf>

export function namesOf(namespace: string) {
  const prefix = `swarm.${namespace}`
  const eventPrefix = `${prefix}.event.`
  return {
    namespace,
    stream: `SWARM_${namespace}`,
    /** Subject of one event. */
    event: (sessionId: SessionId, noun: string) => `${eventPrefix}${sessionId}.${noun}`,
    /** Whether `event` gives this subject. */
    isEvent: (subject: string, sessionId: SessionId, noun: string) => {
      const dot = subject.lastIndexOf('.')
      const { length } = eventPrefix
      return (
        subject.slice(length, dot) === sessionId &&
        subject.slice(dot + 1) === noun &&
        subject.slice(0, length) === eventPrefix
      )
    },
    /** Filter of all events of one trail: what an append's expected version is checked against. */
    trail: (sessionId: SessionId) => `${prefix}.event.${sessionId}.*`,
    /** Filter of all sessions' events of one noun. */
    noun: (noun: string) => `${prefix}.event.*.${noun}`,
    allEvents: `${prefix}.event.>`,
    allLive: `${prefix}.live.>`,
    /** The republished subject of an event's subject or filter. */
    liveOf: (eventSubject: string) => `${prefix}.live.${eventSubject.slice(`${prefix}.event.`.length)}`,
    output: (sessionId: SessionId, stream: 'stdout' | 'stderr') => `${prefix}.output.${sessionId}.${stream}`,
    allOutput: (sessionId: SessionId) => `${prefix}.output.${sessionId}.*`,
    /** Live output of all sessions. */
    allLiveOutput: `${prefix}.output.>`,
    artifactBucket: `SWARM_${namespace}_ARTIFACTS`,
    viewBucket: (view: string) => `SWARM_${namespace}_${view}`,
    leaseBucket: `SWARM_${namespace}_LEASES`,
    /** Changes of leases, republished without their content. */
    allLeaseChanges: `${prefix}.lease.>`,
  } as const
}

/** Object name of an artifact. */
export function artifactName(sha256: string): string {
  return `sha256-${sha256}`
}
