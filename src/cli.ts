#!/usr/bin/env node
import { runProgram } from './commands/program.ts'

const status = await runProgram(process.argv.slice(2))
// Nothing is left to be done, so nothing may keep the process alive; what was written has to get out first.
process.stdout.write('', () => process.exit(status))
