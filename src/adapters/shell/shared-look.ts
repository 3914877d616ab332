/** Looks at all processes for whoever waits for that: a thousand runs that end at once take one look, not a thousand. */
import { surveyAll, surveyItself, type Survey, type Traces } from './marked-processes.ts'

type Waiting = { traces: Traces; resolve: (found: Survey) => void; reject: (error: unknown) => void }

let waiting: Waiting[] = []

/** What there is of a run now or a moment later. Rejects when processes can't be looked up. */
export function survey(traces: Traces): Promise<Survey> {
  return new Promise((resolve, reject) => {
    const itself = surveyItself(traces)
    if (itself !== null) return resolve(itself)
    waiting.push({ traces, resolve, reject })
    if (waiting.length === 1) setImmediate(lookForAll)
  })
}

function lookForAll(): void {
  const asked = waiting
  waiting = []
  try {
    const found = surveyAll(asked.map(({ traces }) => traces))
    for (const [index, { resolve, reject }] of asked.entries()) {
      const survey = found[index]
      if (survey === undefined) reject(new Error('no survey was made'))
      else resolve(survey)
    }
  } catch (error) {
    for (const { reject } of asked) reject(error)
  }
}
