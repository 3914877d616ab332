/** How long the command line takes to be of use, beside a node that does nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { main, median, report, size, timed, withServer } from './harness.mjs'

const ROUNDS = size(15, 2)
const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

await main(() =>
  withServer(async ({ dir }) => {
    const node = []
    const help = []
    const ps = []
    for (let round = 0; round < ROUNDS; round++) {
      node.push(await run(dir, ['-e', '0']))
      help.push(await run(dir, [CLI, '--help']))
      ps.push(await run(dir, [CLI, 'ps']))
    }
    const figures = (times) => ({
      bare: 'node -e 0',
      value: median(times) - median(node),
      unit: ' ms',
      ours: `${median(times).toFixed(0)} ms`,
      theirs: `${median(node).toFixed(0)} ms`,
    })
    report('cli-help', { what: 'swarmtrail --help, beyond', limit: { atMost: 80 }, ...figures(help) })
    report('cli-ps', { what: 'swarmtrail ps with the server up, beyond', limit: { atMost: 200 }, ...figures(ps) })
  }),
)

async function run(cwd, args) {
  return timed(async () => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.resume()
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
  })
}
