/** Directories that options name, looked at before anything is begun in them. */
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CliError } from '../adapters/cli/report-error.ts'

/** Throws `invalid_argument`, naming option and directory, when it is missing or something else. */
export async function refuseNoDirectory(option: string, path: string): Promise<void> {
  const found = await kindOf(path)
  if (found === 'missing') throw refusal(option, path, 'there is no such directory')
  if (found === 'other') throw refusal(option, path, 'it is no directory')
}

/** As above, but one that is missing may be made. */
export async function refuseOther(option: string, path: string): Promise<void> {
  if ((await kindOf(path)) === 'other') throw refusal(option, path, 'it is no directory')
}

/** Throws `invalid_argument` unless there is a directory for what the option names; none is made for it. */
export async function refuseNoParent(option: string, path: string): Promise<void> {
  await refuseNoDirectory(option, dirname(resolve(path)))
}

/** Other faults are told by whatever uses the directory. */
async function kindOf(path: string): Promise<'directory' | 'missing' | 'other' | 'unknown'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'other'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return 'missing'
    return code === 'ENOTDIR' ? 'other' : 'unknown'
  }
}

function refusal(option: string, path: string, why: string): CliError {
  return new CliError('invalid_argument', `${option}: ${resolve(path)}: ${why}`, { path: resolve(path) })
}
