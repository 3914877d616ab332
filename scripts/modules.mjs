/** What the generators read: modules of the built package, because Node 20 can't run TypeScript. */
import { existsSync } from 'node:fs'
import { z } from 'zod'

const DIST = new URL('../dist/', import.meta.url)

/** @param {string} path below dist/, without its ending */
function load(path) {
  return import(new URL(`${path}.js`, DIST).href)
}

export async function loadModules() {
  const [events, envelope, parts, limits, catalog, config, ace, walk, words, prompt] = await Promise.all([
    load('events/session-events'),
    load('events/envelope'),
    load('events/parts'),
    load('events/limits'),
    load('events/catalog'),
    load('events/workflow-config'),
    load('projections/ace-export'),
    load('adapters/workflow/schema-walk'),
    load('adapters/workflow/schema-words'),
    load('adapters/workflow/default-prompt'),
  ])
  const hasDiagram = existsSync(new URL('machines/diagram.js', DIST))
  const diagram = hasDiagram ? (await load('machines/diagram')).machineDiagram() : null
  return { z, events, envelope, parts, limits, catalog, config, ace, walk, words, prompt, diagram }
}
