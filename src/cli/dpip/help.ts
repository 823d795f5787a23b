/** `tapvs dpip --help`, made from the rows that the parser reads. */

import { optionTerm, twoColumns } from '../grammar/options.ts'
import { DPIP, wordsText } from './command.ts'
import { DPIP_OPTIONS, OBJECTS, type ObjectRow, type VerbRow } from './words.ts'

export const DPIP_ABOUT = 'addresses, routes, neighbours and arms, in the words of dpip'

/** Of one object, or of all. */
export function dpipHelp(object?: ObjectRow): string {
  const objects = object ? [object] : OBJECTS
  const parts = objects.map(
    each =>
      `${each.names[0]}: ${each.help}\n${twoColumns(each.verbs.map(verb => row(each, verb)))}`,
  )
  return [
    `${DPIP} [OPTIONS] OBJECT VERB WORDS\n\n${DPIP_ABOUT}\n`,
    ...parts,
    `Options:\n${twoColumns(DPIP_OPTIONS.filter(({ refused }) => !refused).map(option => [optionTerm(option), option.help]))}`,
  ].join('\n')
}

/** `addr show [dev ARM]` and what it does. */
export function row(object: ObjectRow, verb: VerbRow): [string, string] {
  return [wordsText(`${object.names[0]} ${verb.names[0]}`, verb), verb.help]
}
