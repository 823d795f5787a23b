/** What yargs calls "Unknown arguments", in words that say what was meant. */

import { nearest } from './nearest.ts'

export interface Parser {
  /** Long names and letters of the options that the verb has. */
  known: readonly string[]
  /** The program and the verb, for hints. */
  tool: string
}

/** => one line; undefined if the message is of something else */
export function unknownOption(
  message: string,
  argv: readonly string[],
  { known, tool }: Parser,
): string | undefined {
  const [, list] = /^Unknown arguments?: ([\s\S]+)$/.exec(message) ?? []
  if (list === undefined) return undefined
  const names = list.split(', ')
  // It names --dry-rnu a second time, as dryRnu.
  const written = names.filter(name => isOption(name, argv) || argv.includes(name))
  const told = (written.length > 0 ? written : names).map(name => {
    if (!isOption(name, argv)) return `unknown word "${name}"`
    const option = name.length === 1 ? `-${name}` : `--${name}`
    const meant = nearest(name, name.length === 1 ? [] : known.filter(word => word.length > 1))
    return `unknown option ${option}${meant ? `; did you mean --${meant}?` : ''}`
  })
  return told.at(-1)?.endsWith('?') ? told.join('; ') : `${told.join('; ')}; see ${tool} --help`
}

function isOption(name: string, argv: readonly string[]): boolean {
  if (name.length === 1) return argv.some(word => /^-[^-]/.test(word) && word.includes(name))
  return argv.some(word => word === `--${name}` || word.startsWith(`--${name}=`))
}
