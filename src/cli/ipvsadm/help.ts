/** `tapvs ipvsadm --help`, made from the rows that the parser reads. */

import {
  fold,
  type OptionRow,
  optionTerm,
  shown,
  twoColumns,
  valueNames,
} from '../grammar/options.ts'
import { TOOL } from './command.ts'
import { COMMANDS, type CommandRow } from './commands.ts'
import { OPTIONS, SERVICE, SERVICE_OPTIONS } from './options.ts'
import { REFUSED } from './refused.ts'

export const IPVSADM_ABOUT = 'services, real servers and connections, in the words of ipvsadm'

export function ipvsadmHelp(): string {
  return [
    `${TOOL} COMMAND [OPTIONS]\n\n${IPVSADM_ABOUT}\n`,
    `Commands:\n${twoColumns(COMMANDS.map(termAndHelp))}`,
    `Options:\n${twoColumns(OPTIONS.map(termAndHelp))}`,
    `Which go together:\n${COMMANDS.map(row => indented(synopsis(row))).join('')}`,
    `Not supported, each with a line that says why:\n${fold(refusedNames().join(' '), 96)
      .map(line => `  ${line}\n`)
      .join('')}`,
  ].join('\n')
}

/** `-A -t VIP:PORT [-s SCHEDULER]` */
export function synopsis({ needs, takes, ...command }: CommandRow): string {
  const option = (name: string) => {
    const rows = OPTIONS.filter(({ long }) =>
      (name === SERVICE ? SERVICE_OPTIONS : [name]).includes(long),
    )
    return [rows.map(shown).join('|'), ...valueNames(rows[0] as OptionRow)].join(' ')
  }
  const head = [shown(command), ...(command.values ?? [])].join(' ')
  return [head, ...needs.map(option), ...takes.map(name => `[${option(name)}]`)].join(' ')
}

/** Folded; what does not fit stands further right. */
function indented(text: string): string {
  return `  ${fold(text, 92).join('\n      ')}\n`
}

export function refusedNames(): string[] {
  return REFUSED.map(row => shown(row))
}

function termAndHelp(row: OptionRow): [string, string] {
  return [optionTerm(row), row.help]
}
