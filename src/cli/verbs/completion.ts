/** `tapvs completion`: scripts for shells, and the words that these ask for. */

import type { Argv } from 'yargs'
import { complete } from '../completion/completion.ts'
import { SCRIPTS } from '../completion/scripts.ts'
import { askDaemon, type Candidate, FILES } from '../completion/words.ts'
import { CliError } from '../daemon/client.ts'
import type { OpenDesk } from '../daemon/desk.ts'
import { COMMON_OPTIONS, readOptions } from '../grammar/options.ts'
import { verbTree } from '../grammar/verb-tree.ts'
import type { Common } from '../terminal/common.ts'

const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[]
const ABOUT = 'print a script that lets a shell complete words and values'

/** For the list of verbs; main.ts hands its arguments to completion(), because the words of others are among them. */
export function addCompletion(common: Argv<Common>): void {
  common.command('completion <shell>', ABOUT, verb =>
    verb.positional('shell', { choices: SHELLS, demandOption: true }),
  )
}

const OPTIONS = [{ long: 'about', help: 'with what each word means' }, ...COMMON_OPTIONS]

/**
 * `argv` is what follows the verb: a shell, or `words` and the words on the command line so far. `addVerbs` adds all
 * verbs, this one too.
 */
export async function completion(
  argv: readonly string[],
  open: OpenDesk,
  addVerbs: (common: Argv<Common>) => void,
): Promise<void> {
  const { options, words } = readOptions(OPTIONS, argv, 'tapvs completion')
  const [what, ...line] = words
  const desk = open(options.get('socket')?.[0] ?? socketOf(line))
  if (options.has('help')) return desk.print(`tapvs completion ${SHELLS.join('|')}\n\n${ABOUT}\n`)
  const shell = SHELLS.find(each => each === what)
  if (shell) return desk.print(SCRIPTS[shell])
  if (what !== 'words') throw new CliError(`completion needs a shell: ${SHELLS.join(' or ')}`, 2)
  const found = await complete(line, verbTree(addVerbs), askDaemon(desk))
  await desk.print(found.map(options.has('about') ? described : plain).join(''))
}

/** The daemon that the line is about. */
function socketOf(line: readonly string[]): string | undefined {
  const at = line.indexOf('--socket')
  return at < 0 ? undefined : line[at + 1]
}

function plain({ word }: Candidate): string {
  return `${word}\n`
}

/** As zsh's _describe reads it. */
function described(candidate: Candidate): string {
  const { word, about } = candidate
  if (candidate === FILES) return plain(candidate)
  return `${word.replaceAll(':', '\\:')}${about && `:${about}`}\n`
}
