import { createHash } from 'node:crypto'
import type { ArtifactCodec } from '../../runtime/verify-file.ts'

export const artifactCodec: ArtifactCodec = {
  encode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  decode: (base64) => Buffer.from(base64, 'base64'),
  digest: (bytes) => createHash('sha256').update(bytes).digest('hex'),
}
