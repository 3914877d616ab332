/**
 * A nats-server configuration in which observers, coordinators and runners of one namespace may do what they need.
 *
 * Each role is an account of its own that imports exactly what it may ask for; the streams belong to the account of
 * the administrator. Permissions alone would not do: the server sends its answer to whatever reply subject a request
 * names, with its own rights, so any user inside the streams' account could have an answer delivered to an event's
 * subject or to `$JS.API.STREAM.DELETE`. Across accounts an answer can only come back.
 */
import { COORDINATOR_NOUNS } from '../../events/session-events.ts'
import { namesOf, type Names } from '../../events/subjects.ts'
import { ROLE_PREFIX } from './leader-read.ts'

export const ROLES = ['observer', 'coordinator', 'runner'] as const
export type Role = (typeof ROLES)[number]

export type RoleConfig = {
  namespace: string
  /** Names under which views are stored. */
  stores: readonly string[]
  /** `host:port`; default: 127.0.0.1:4222. */
  listen?: string | undefined
  /** Where the server keeps its streams. */
  storeDir?: string | undefined
  /** With an outline of what the servers of a cluster need besides. */
  cluster?: boolean | undefined
}

const LISTEN_DEFAULT = '127.0.0.1:4222'
const STORE_DIR_DEFAULT = './swarmtrail-store'
/** An event has at most 1 MiB; the rest is for headers. */
const payloadMaxBytes = 2_097_152

const LEADER_READ = '$JS.API.STREAM.MSG.GET.'

/** What no role may ask for: a consumer delivers stored messages to any subject, the rest changes or deletes streams. */
const ADMINISTRATION = [
  '$JS.API.CONSUMER.>',
  '$JS.API.STREAM.CREATE.>',
  '$JS.API.STREAM.UPDATE.>',
  '$JS.API.STREAM.DELETE.>',
  '$JS.API.STREAM.PURGE.>',
  '$JS.API.STREAM.MSG.DELETE.>',
  '$JS.API.STREAM.RESTORE.>',
  '$JS.API.STREAM.SNAPSHOT.>',
]

/** `requests`: subjects to publish to; `live`: stored things as they come. Live output is the runner's own to give. */
type Rights = { requests: readonly string[]; live: readonly string[] }

export function roleConfig(options: RoleConfig): string {
  const names = namesOf(options.namespace)
  const rights = rightsOf(names, options.stores)
  return [
    `# nats-server configuration for the namespace ${names.namespace}. Passwords come from the environment: set`,
    `# ${['admin', ...ROLES].map(variableOf).join(', ')},`,
    '# each beginning with a letter. Make the streams once, as admin: swarmtrail server-config --create',
    `listen: "${options.listen ?? LISTEN_DEFAULT}"`,
    `max_payload: ${payloadMaxBytes}`,
    '# An acknowledged event is on disk.',
    `jetstream { store_dir: ${JSON.stringify(options.storeDir ?? STORE_DIR_DEFAULT)}, sync_interval: always }`,
    ...(options.cluster === true ? CLUSTER : []),
    'accounts {',
    ...ownerAccount(names, rights),
    ...ROLES.flatMap((role) => roleAccount(names, role, rights[role])),
    '}',
    '',
  ].join('\n')
}

/** The variable of the environment that holds a user's password. */
export function variableOf(user: string): string {
  return `SWARMTRAIL_${user.toUpperCase()}_PASSWORD`
}

const CLUSTER = [
  '# Of each server of the cluster; the names differ.',
  'server_name: "n1"',
  'cluster {',
  '  name: "swarmtrail"',
  '  listen: "127.0.0.1:6222"',
  '  routes: ["nats://127.0.0.1:6222", "nats://127.0.0.1:6223", "nats://127.0.0.1:6224"]',
  '}',
]

function rightsOf(names: Names, stores: readonly string[]): Record<Role, Rights> {
  const views = stores.map((store) => names.viewBucket(store))
  const buckets = [...views, names.leaseBucket]
  const streams = [names.stream, `OBJ_${names.artifactBucket}`, ...buckets.map((bucket) => `KV_${bucket}`)]
  const reads = streams.flatMap(readsOf)
  const live = [names.allLive, names.allLeaseChanges]
  const commands = COORDINATOR_NOUNS.map((noun) => names.noun(noun))
  const writes = [names.allEvents, `$O.${names.artifactBucket}.>`, ...buckets.map((bucket) => `$KV.${bucket}.>`)]
  return {
    observer: { requests: reads, live },
    coordinator: { requests: [...reads, ...commands], live },
    runner: { requests: [...reads, ...writes], live },
  }
}

/** By direct get and, in a cluster, from the stream's leader. */
function readsOf(stream: string): string[] {
  return [batchRead(stream), `${batchRead(stream)}.>`, `${LEADER_READ}${stream}`]
}

function batchRead(stream: string): string {
  return `$JS.API.DIRECT.GET.${stream}`
}

function ownerAccount(names: Names, rights: Record<Role, Rights>): string[] {
  const exports = (kind: 'requests' | 'live') =>
    [...new Set(ROLES.flatMap((role) => rights[role][kind]))].map((subject) => ({
      subject,
      accounts: ROLES.filter((role) => rights[role][kind].includes(subject)).map((role) => accountOf(names, role)),
    }))
  return [
    `  ${names.stream}: {`,
    '    jetstream: enabled',
    `    users: [{ user: admin, password: $${variableOf('admin')} }]`,
    '    exports: [',
    ...exports('requests').map(
      ({ subject, accounts }) =>
        `      { service: "${subject}", response_type: ${responseOf(subject)}, accounts: [${accounts.join(', ')}] }`,
    ),
    ...exports('live').map(
      ({ subject, accounts }) => `      { stream: "${subject}", accounts: [${accounts.join(', ')}] }`,
    ),
    '    ]',
    '    imports: [',
    outputImport(names),
    '    ]',
    '  }',
  ]
}

/** Only a read without a subject in it may be answered by many messages. */
function responseOf(subject: string): 'stream' | 'single' {
  return subject.startsWith('$JS.API.DIRECT.GET.') && !subject.endsWith('.>') ? 'stream' : 'single'
}

function roleAccount(names: Names, role: Role, { requests, live }: Rights): string[] {
  const output = names.allLiveOutput
  const isRunner = role === 'runner'
  const forbidden = role === 'observer' ? ['swarm.>', '$KV.>', '$O.>', ...ADMINISTRATION] : ADMINISTRATION
  const publish = { allow: [...requests.map(localName), ...(isRunner ? [output] : [])], deny: forbidden }
  const subscribe = { allow: [`_INBOX_${role}.>`, ...live, ...(isRunner ? [] : [output])] }
  return [
    `  ${accountOf(names, role)}: {`,
    `    users: [{ user: ${role}, password: $${variableOf(role)}, permissions: {`,
    `      publish: { allow: ${list(publish.allow)}, deny: ${list(publish.deny)} }`,
    `      subscribe: { allow: ${list(subscribe.allow)} }`,
    '    } }]',
    '    imports: [',
    ...requests.map(
      (subject) => `      { service: { account: ${names.stream}, subject: "${subject}" }${asked(subject)} }`,
    ),
    ...live.map((subject) => `      { stream: { account: ${names.stream}, subject: "${subject}" } }`),
    ...(isRunner ? [] : [outputImport(names)]),
    '    ]',
    ...(isRunner ? [`    exports: [{ stream: "${output}", accounts: [${outputReaders(names).join(', ')}] }]`] : []),
    '  }',
  ]
}

/** Requests to a stream's leader go by another name in an account that has no streams of its own. */
function localName(subject: string): string {
  return subject.startsWith(LEADER_READ) ? subject.replace('$JS.API', ROLE_PREFIX) : subject
}

function asked(subject: string): string {
  return localName(subject) === subject ? '' : `, to: "${localName(subject)}"`
}

function outputImport(names: Names): string {
  return `      { stream: { account: ${accountOf(names, 'runner')}, subject: "${names.allLiveOutput}" } }`
}

function outputReaders(names: Names): string[] {
  return [names.stream, accountOf(names, 'observer'), accountOf(names, 'coordinator')]
}

function accountOf(names: Names, role: Role): string {
  return `${names.stream}_${role.toUpperCase()}`
}

function list(subjects: readonly string[]): string {
  return JSON.stringify(subjects)
}
