/** What may stand where the cursor is. Words come from the rows that the parsers read, values from the daemon. */

import { COMMON_OPTIONS, type OptionRow, UTC_OPTION } from '../grammar/options.ts'
import { askedFor, isFile, type VerbNode } from '../grammar/verb-tree.ts'
import { COMMANDS, type CommandRow } from '../ipvsadm/commands.ts'
import { OPTIONS, SERVICE, SERVICE_OPTIONS } from '../ipvsadm/options.ts'
import { completeDpip } from './dpip.ts'
import {
  type Candidate,
  FILES,
  type Lookup,
  names,
  optionWords,
  valuesOf,
  waitingFor,
} from './words.ts'

/** `words` are all that stand behind `tapvs`, up to the one that is being written, which may be empty. */
export async function complete(
  words: readonly string[],
  tree: readonly VerbNode[],
  lookup: Lookup,
): Promise<Candidate[]> {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const all = await candidates(before, current, tree, lookup)
  return all.filter(({ word }) => word === FILES.word || word.startsWith(current))
}

async function candidates(
  before: readonly string[],
  current: string,
  tree: readonly VerbNode[],
  lookup: Lookup,
): Promise<Candidate[]> {
  let rest = before
  while (rest[0]?.startsWith('-')) {
    if (rest[0] === '--socket' && rest.length === 1) return [FILES]
    rest = rest.slice(rest[0] === '--socket' ? 2 : 1)
  }
  const [verb, ...inside] = rest
  if (verb === undefined) {
    if (current.startsWith('-')) return optionWords([...COMMON_OPTIONS, UTC_OPTION, VERSION])
    return tree.map(({ name, about }) => ({ word: name, about }))
  }
  if (verb === 'ipvsadm') return ipvsadmWords(inside, lookup)
  if (verb === 'dpip') return completeDpip(inside, current, lookup)
  const node = tree.find(({ name, aliases }) => name === verb || aliases.includes(verb))
  return node ? verbWords(node, inside, current, lookup) : []
}

const VERSION: OptionRow = { long: 'version', help: 'print the version' }

async function ipvsadmWords(before: readonly string[], lookup: Lookup): Promise<Candidate[]> {
  const rows = [...COMMANDS, ...OPTIONS]
  const waiting = waitingFor(rows, before)
  if (waiting) return valuesOf(waiting, before, lookup)
  const given = rows.filter(row => before.some(word => names(row, word)))
  const command = COMMANDS.find(row => given.includes(row))
  if (!command) return optionWords([...COMMANDS, ...OPTIONS.filter(({ long }) => listOption(long))])
  const isNamed = given.some(({ long }) => SERVICE_OPTIONS.includes(long))
  const fitting = OPTIONS.filter(
    ({ long }) => goesWith(command, long) && !(isNamed && SERVICE_OPTIONS.includes(long)),
  )
  return optionWords(fitting.filter(row => !given.includes(row)))
}

function goesWith({ needs, takes }: CommandRow, long: string): boolean {
  const name = SERVICE_OPTIONS.includes(long) ? SERVICE : long
  return needs.includes(name) || takes.includes(name) || long === 'socket'
}

/** Without a command it is a listing. */
function listOption(long: string): boolean {
  const list = COMMANDS.find(command => command.long === 'list')
  return (list && goesWith(list, long)) || ['help', 'version'].includes(long)
}

async function verbWords(
  verb: VerbNode,
  words: readonly string[],
  current: string,
  lookup: Lookup,
): Promise<Candidate[]> {
  let node = verb
  let at = 0
  for (; at < words.length; at++) {
    const inner = node.verbs.find(({ name, aliases }) =>
      [name, ...aliases].includes(words[at] ?? ''),
    )
    if (!inner) break
    node = inner
  }
  const rest = words.slice(at)
  const rows = [...node.options, ...COMMON_OPTIONS, UTC_OPTION]
  const waiting = waitingFor(rows, rest)
  if (waiting) return valuesOf(waiting, rest, lookup)
  if (current.startsWith('-')) return optionWords(rows)
  const inner = node.verbs.map(({ name, about }) => ({ word: name, about }))
  const place = node.positionals[rest.filter(word => !word.startsWith('-')).length]
  if (!place) return inner
  if (isFile(place.name)) return [FILES]
  const asked = askedFor(place.name)
  const values = asked ? await lookup(asked, rest) : []
  return [...inner, ...values, ...place.choices.map(word => ({ word, about: '' }))]
}
