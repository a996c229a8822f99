/** Run: finds the command, runs it, and turns what it throws into words and an exit code.
 *  0: done.  1: it failed.  2: the call was wrong, and nothing was done. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  EXIT_USAGE,
  isUsage,
  type Terminal,
} from './command.ts'
import { keygen } from './keygen.ts'
import { replicate } from './replicate.ts'
import { serve } from './serve.ts'
import { takeOver } from './take-over.ts'
import { readVersion } from './version.ts'

const COMMANDS: readonly Command[] = [serve, replicate, takeOver, keygen]

export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...rest] = args
  if (word === undefined) {
    terminal.note(overview())
    return EXIT_USAGE
  }
  if (word === 'help' || word === '--help' || word === '-h') return help(rest[0], terminal)
  if (word === '--version') {
    terminal.out(`constellite ${readVersion()}`)
    return EXIT_OK
  }
  const command = COMMANDS.find(({ name }) => name === word)
  if (command === undefined) return refuseWord(word, terminal)
  if (rest.includes('--help') || rest.includes('-h')) return help(word, terminal)
  try {
    return await command.run(rest, terminal)
  } catch (error) {
    return explain(failureOf(error), command, terminal)
  }
}

function help(word: string | undefined, terminal: Terminal): number {
  const command = COMMANDS.find(({ name }) => name === word)
  if (word !== undefined && command === undefined) return refuseWord(word, terminal)
  terminal.out(command?.help ?? overview())
  return EXIT_OK
}

function refuseWord(word: string, terminal: Terminal): number {
  const what = word.startsWith('-') ? 'option' : 'command'
  terminal.note(`There is no ${what} "${word}".\n\n${overview()}`)
  return EXIT_USAGE
}

function explain(failure: ConstelliteError, command: Command, terminal: Terminal): number {
  terminal.note(`${failure.message}${failure.hint === '' ? '' : `\n${failure.hint}`}`)
  if (isUsage(failure)) {
    terminal.note(`See: constellite ${command.name} --help`)
    return EXIT_USAGE
  }
  terminal.note(`(${failure.code})`)
  // A bug is worth its stack; an expected failure has said everything.
  if (failure.code === 'ErrInternal') terminal.note(String(failure.cause ?? failure.stack))
  return EXIT_FAILURE
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  return [
    'constellite: SQLite that runs everywhere and can prove its own history.',
    '',
    'Usage: constellite <command> [options]',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'constellite <command> --help explains one command, with an example.',
    'constellite --version says which version this is.',
  ].join('\n')
}
