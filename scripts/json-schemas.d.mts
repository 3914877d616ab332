import type { Modules } from './modules.mjs'

export function jsonSchemaFiles(modules: Modules): Map<string, string>
