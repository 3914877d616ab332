/**
 * File names are bytes, and an agent may write any. A raw path is a relative path whose bytes stand one to one as
 * latin1 characters: it survives git's `-z` lists unharmed and becomes text only where people read it.
 */
export type RawPath = string

export function rawFrom(text: string): RawPath {
  return Buffer.from(text, 'utf8').toString('latin1')
}

export function textOf(raw: RawPath): string {
  return Buffer.from(raw, 'latin1').toString('utf8')
}

/** The path below a directory as the file system wants it. */
export function below(directory: string, raw: RawPath): Buffer {
  return Buffer.concat([Buffer.from(directory, 'utf8'), Buffer.from('/'), Buffer.from(raw, 'latin1')])
}

export function joinRaw(parent: RawPath, name: RawPath): RawPath {
  return parent === '' ? name : `${parent}/${name}`
}

/** Entries of a list that git printed with `-z`. */
export function splitList(output: string): RawPath[] {
  return output.split('\0').filter((entry) => entry !== '')
}

/** A list as git reads it with `-z`. */
export function joinList(paths: readonly RawPath[]): string {
  return paths.map((path) => `${path}\0`).join('')
}
