/**
 * Expressions that an agent wrote may take for ever or eat all memory, so they run in a worker that can be ended,
 * never in the runner's own thread.
 */
import { Worker } from 'node:worker_threads'
import { WORKER_MEMORY_MB } from './limits.ts'
import { ToolFault } from './tool.ts'

/** Plain JavaScript in a string, so that it is found from sources and from the built package alike. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const expression = new RegExp(workerData)
parentPort.on('message', ({ texts, max }) => {
  const found = []
  for (let index = 0; index < texts.length && found.length < max; index += 1) {
    if (expression.test(texts[index])) found.push(index)
  }
  parentPort.postMessage(found)
})
`

/** Indices of the first `max` texts that match. */
export type Matcher = (texts: readonly string[], max: number) => Promise<number[]>

/** Lends a matcher for a regular expression; it is ended with the work, or when the signal aborts. */
export async function withMatcher<T>(
  source: string,
  signal: AbortSignal,
  work: (matching: Matcher) => Promise<T>,
): Promise<T> {
  const resourceLimits = { maxOldGenerationSizeMb: WORKER_MEMORY_MB }
  const worker = new Worker(PROGRAM, { eval: true, workerData: source, env: {}, execArgv: [], resourceLimits })
  let fail: (error: Error) => void = () => undefined
  const broken = new Promise<never>((_, reject) => {
    fail = reject
  })
  const onAbort = () => fail(new ToolFault('aborted', 'ended'))
  worker.on('error', (error) => fail(new ToolFault('tool_failed', `the expression can't be matched: ${error.message}`)))
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([broken, work(matcherOf(worker))])
  } finally {
    signal.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}

function matcherOf(worker: Worker): Matcher {
  return (texts, max) =>
    new Promise((resolve) => {
      worker.once('message', resolve)
      worker.postMessage({ texts, max })
    })
}
