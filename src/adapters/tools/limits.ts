/** What bounds the built-in tools. Outputs go into events of at most 1 MiB, and JSON may need six bytes for one. */
export const TOOL_TIMEOUT_MS = 30_000
export const COMMAND_TIMEOUT_MS = 120_000
export const COMMAND_TIMEOUT_MAX_MS = 600_000
export const OUTPUT_BYTES_MAX = 128 * 1024
/** How far into a file `read_file_lines` looks for its lines. */
export const FILE_BYTES_MAX = 64 * 1024 * 1024
/** Largest file that is written, edited or searched. */
export const TEXT_BYTES_MAX = 2 * 1024 * 1024
/** A NUL byte among the first ones makes a file binary, as git has it. */
export const BINARY_PROBE_BYTES = 8000
export const WALK_ENTRIES_MAX = 100_000
export const LISTED_FILES_MAX = 2000
export const SEARCH_RESULTS = 100
export const SEARCH_RESULTS_MAX = 1000
export const SEARCH_LINE_CHARS_MAX = 500
export const PATTERN_CHARS_MAX = 1000
export const WORKER_MEMORY_MB = 128
