/** What completion offers: words of options, and values that only the daemon knows. */

import { PROTOCOL_NAMES, PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import { hostText } from '../../wire/ip-address.ts'
import type { Desk } from '../daemon/desk.ts'
import type { Asked, OptionRow } from '../grammar/options.ts'
import { isFile } from '../grammar/verb-tree.ts'

export interface Candidate {
  word: string
  about: string
}

/** Said instead of words where any file may stand. */
export const FILES: Candidate = { word: ':files', about: '' }

/** What the daemon knows of `kind`; never throws. `words` are those before the cursor. */
export type Lookup = (kind: Asked, words: readonly string[]) => Promise<Candidate[]>

/** The option whose value the cursor stands on. */
export function waitingFor(
  rows: readonly OptionRow[],
  before: readonly string[],
): OptionRow | undefined {
  const last = before.at(-1) ?? ''
  return rows.find(row => row.values && names(row, last))
}

/** True if `word` is the option, also as the last of some letters: -nt names t. */
export function names({ long, short = '' }: OptionRow, word: string): boolean {
  if (word.startsWith('--')) return word === `--${long}`
  return /^-\w/.test(word) && [...short].some(letter => word.endsWith(letter))
}

export async function valuesOf(
  { choices, long }: OptionRow,
  before: readonly string[],
  lookup: Lookup,
): Promise<Candidate[]> {
  if (isFile(long)) return [FILES]
  if (typeof choices === 'string') return lookup(choices, before)
  return (choices ?? []).map(word => ({ word, about: '' }))
}

export function optionWords(rows: readonly OptionRow[]): Candidate[] {
  return rows.flatMap(({ long, short = '', help }) => [
    ...[...short].map(letter => ({ word: `-${letter}`, about: help })),
    { word: `--${long}`, about: help },
  ])
}

/** A shell that waits is worse than one that offers nothing. */
const PATIENCE_MS = 500

/** Asks the daemon; nothing is known if there is none or it takes its time. */
export function askDaemon(desk: Desk): Lookup {
  return async (kind, words) => {
    const late = new Promise<Candidate[]>(done => {
      setTimeout(() => done([]), PATIENCE_MS).unref()
    })
    return Promise.race([known(desk, kind, words).catch(() => []), late])
  }
}

/** That of the services that an option of ipvsadm is followed by. */
function protocolAsked(word: string): Protocol | undefined {
  return PROTOCOL_NAMES.find(name => {
    return names({ long: `${name}-service`, short: PROTOCOLS[name].letter, help: '' }, word)
  })
}

async function known(desk: Desk, kind: Asked, words: readonly string[]): Promise<Candidate[]> {
  const of = (word: string, about: string) => ({ word, about })
  switch (kind) {
    case 'service': {
      const services = await desk.ask({ verb: 'services' })
      const meant = protocolAsked(words.at(-1) ?? '')
      return services
        .filter(({ protocol }) => meant === undefined || protocol === meant)
        .map(({ address, port, scheduler }) => of(`${hostText(address)}:${port}`, scheduler))
    }
    case 'server': {
      const services = await desk.ask({ verb: 'services' })
      const named = services.filter(({ address, port }) =>
        words.includes(`${hostText(address)}:${port}`),
      )
      return (named.length > 0 ? named : services).flatMap(service =>
        service.real_servers.map(rs =>
          of(
            `${hostText(rs.address)}:${rs.port}`,
            `of ${hostText(service.address)}:${service.port}`,
          ),
        ),
      )
    }
    case 'lip':
    case 'address': {
      const addresses = await desk.ask({ verb: 'addresses' })
      return addresses
        .filter(({ lports }) => kind === 'address' || lports)
        .map(({ address, prefix_length, arm }) =>
          of(kind === 'lip' ? address : `${address}/${prefix_length}`, `on ${arm}`),
        )
    }
    case 'arm': {
      const { arms } = await desk.ask({ verb: 'counters' })
      return arms.map(({ name, up }) => of(name, up ? 'up' : 'down'))
    }
    case 'neighbour': {
      const neighbours = await desk.ask({ verb: 'neighbours' })
      const all = new Map(neighbours.map(({ address, state }) => [address, state]))
      return [...all].map(([address, state]) => of(address, state))
    }
    case 'ipset': {
      const sets = await desk.ask({ verb: 'ipsets' })
      return sets.map(({ name, prefixes }) => of(name, `${prefixes} prefixes`))
    }
    case 'route': {
      const routes = await desk.ask({ verb: 'routes' })
      return routes.map(({ to, arm }) => of(to === '0.0.0.0/0' ? 'default' : to, `on ${arm}`))
    }
  }
}
