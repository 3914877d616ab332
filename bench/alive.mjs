/** Many sessions alive in one runner, their executors waiting: the runner's memory, and whether a stall is noticed in time. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { median, main, report, size, withServer } from './harness.mjs'

const SESSIONS = size(1_000, 4)
const STALL_MS = size(5_000, 1_000)
const LATE_MS_MAX = 250
/** As large as it gets by itself, in both measurements: how much of it the engine has given back is chance. */
const YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16']

await main(() =>
  withServer(async ({ dir }) => {
    const child = fork(
      new URL('./alive-runner.mjs', import.meta.url),
      [`${dir}/.swarmtrail`, String(SESSIONS), String(STALL_MS)],
      { execArgv: ['--expose-gc', ...YOUNG_GENERATION], serialization: 'advanced' },
    )
    const [result] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the runner ended with ${code}`)
      }),
    ])
    await once(child, 'exit')
    const perSession = (bytes) => bytes / SESSIONS / 1024
    report('alive', {
      what: `memory of a runner per session, ${SESSIONS} alive`,
      bare: 'the same runner with none, after 64',
      limit: { atMost: 60 },
      value: perSession(result.aliveRss - result.idleRss),
      unit: ' KB',
      ours: `${(result.aliveRss / 2 ** 20).toFixed(0)} MiB`,
      theirs: `${(result.idleRss / 2 ** 20).toFixed(0)} MiB`,
      from_its_first_session_on_kb: perSession(result.aliveRss - result.freshRss),
      second_half_kb: 2 * perSession(result.aliveRss - result.halfRss),
      heap_per_session_kb: perSession(result.aliveHeap - result.idleHeap),
      all_alive_after_ms: result.aliveAfterMs,
    })
    report('stall', {
      what: `how late a stall window of ${STALL_MS / 1000} s fires beside them`,
      bare: 'the window itself',
      limit: { atMost: LATE_MS_MAX },
      value: Math.max(...result.lateMs),
      unit: ' ms',
      ours: `${median(result.lateMs).toFixed(0)} ms in the median`,
      theirs: '0 ms',
    })
  }),
)
