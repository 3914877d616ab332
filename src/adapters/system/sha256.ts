import { hash } from 'node:crypto'
import type { Sha256 } from '../../events/hash-chain.ts'

/** SHA-256 by the system's cryptography, without an object per call. */
export const sha256: Sha256 = (text) => hash('sha256', text, 'hex')
