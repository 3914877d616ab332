/** Ed25519 signatures with keys in PEM files, as `openssl genpkey -algorithm ed25519` makes them. */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import type { CheckSignature, Sign } from '../../runtime/verify-summary.ts'
import { readText } from './write-file.ts'

/** Throws `invalid_argument` for what is no private Ed25519 key. */
export async function signer(privateKeyPath: string): Promise<Sign> {
  const key = await readKey(privateKeyPath, 'private', createPrivateKey)
  return (text) => sign(null, Buffer.from(text), key).toString('base64')
}

/** Throws `invalid_argument` for what is no Ed25519 key. */
export async function signatureChecker(publicKeyPath: string): Promise<CheckSignature> {
  const key = await readKey(publicKeyPath, 'public', createPublicKey)
  return (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
}

async function readKey(path: string, kind: string, create: (pem: string) => KeyObject): Promise<KeyObject> {
  const key = parseKey(path, kind, await readText(path), create)
  if (key.asymmetricKeyType !== 'ed25519') throw refuse(path, kind, `it is of type ${key.asymmetricKeyType}`)
  return key
}

function parseKey(path: string, kind: string, pem: string, create: (pem: string) => KeyObject): KeyObject {
  try {
    return create(pem)
  } catch (error) {
    throw refuse(path, kind, messageOf(error))
  }
}

function refuse(path: string, kind: string, reason: string): SwarmError {
  return new SwarmError('invalid_argument', `${path} holds no ${kind} Ed25519 key in PEM form: ${reason}`)
}
