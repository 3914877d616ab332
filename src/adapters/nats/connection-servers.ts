/** Server addresses as people write them, taken apart so that a password never gets into a message. */
import { SwarmError } from '../../runtime/errors.ts'

export type Servers = {
  /** `host:port` each. */
  addresses: readonly string[]
  tls: boolean
  user: string | undefined
  password: string | undefined
  token: string | undefined
  /** For messages: the addresses without credentials. */
  shown: string
}

/** Throws `invalid_argument` for what is no `nats://` or `tls://` address. */
export function parseServers(servers: string | readonly string[]): Servers {
  const texts = (typeof servers === 'string' ? servers.split(',') : servers).map((text) => text.trim())
  const urls = texts.filter((text) => text !== '').map(parseServer)
  const [first] = urls
  if (first === undefined) throw new SwarmError('invalid_argument', 'expected a server address like nats://host:4222')
  const user = first.username === '' ? undefined : decodeURIComponent(first.username)
  const password = first.password === '' ? undefined : decodeURIComponent(first.password)
  return {
    addresses: urls.map(({ host }) => host),
    tls: urls.some(({ protocol }) => protocol === 'tls:'),
    // A name alone is a token: that is how NATS clients read nats://TOKEN@host.
    user: password === undefined ? undefined : user,
    password,
    token: password === undefined ? user : undefined,
    shown: urls.map(({ protocol, host }) => `${protocol}//${host}`).join(','),
  }
}

function parseServer(text: string): URL {
  // The text may hold a password, so it is not repeated.
  const wrong = () => new SwarmError('invalid_argument', 'a server address is not of the form nats://host:port')
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `nats://${text}`)
  } catch {
    throw wrong()
  }
  if ((url.protocol !== 'nats:' && url.protocol !== 'tls:') || url.host === '') throw wrong()
  return url
}
