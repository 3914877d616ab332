import type { Modules } from './modules.mjs'

export type DocBlocks = Record<string, string | null>
export function docBlocks(modules: Modules): DocBlocks
export function withBlocks(text: string, blocks: DocBlocks): string
