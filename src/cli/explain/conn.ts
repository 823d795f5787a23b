/** `tapvs explain conn`: the whole story of a connection, living or ended. */

import type { Argv } from 'yargs'
import type { ConnInfo, RecorderInfo } from '../../api/commands.ts'
import { CONNS_PER_REQUEST } from '../../api/limits.ts'
import { type Attempt, factsOf, type Life, livesOf } from '../../see/explain/story.ts'
import { packetNoun, type StoryContext } from '../../see/explain/story-context.ts'
import { expiryText } from '../../see/explain/story-end.ts'
import { attemptText, storyText } from '../../see/explain/story-text.ts'
import { type Story, storyOf } from '../../see/explain/story-words.ts'
import { parseFilter } from '../../see/moments/filter.ts'
import type { Moment } from '../../see/moments/moment.ts'
import type { Ends } from '../../see/words/ends.ts'
import { hostText, ipEndpointText, parseIpEndpoint } from '../../wire/ip-address.ts'
import { ask, CliError } from '../daemon/client.ts'
import { moments } from '../daemon/moments.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { askContext } from './context.ts'

/** Stories that are told in full, and refused segments; of more there is a list, and the newest. */
const STORIES = 3
const ATTEMPTS = 5
/** Connections that are named when none is the one. */
const NEAR = 5

export function addExplainConn(explain: Argv<Common>): Argv<Common> {
  return explain.command(
    'conn <end..>',
    'the story of a connection: why this server and this port, each state, and the end',
    command =>
      command
        .positional('end', {
          type: 'string',
          array: true,
          demandOption: true,
          describe:
            'ADDRESS:PORT, of IPv6 [ADDRESS]:PORT, of one or two of client, VIP, LIP and real server',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    async ({ socket, end, json }) => {
      const tuple = tupleOf(end)
      const past = await pastOf(socket, filterOf(tuple))
      const [context, live, recorder] = await Promise.all([
        askContext(socket),
        livingConns(socket),
        ask(socket, { verb: 'recorder' }),
      ])
      const told = tell(tuple, past, live, context)
      if (told === null) {
        const all = await pastOf(socket)
        throw new CliError(`${nothing(tuple, all, live, context)}; ${recorderText(recorder)}`)
      }
      if (json) printJson(told)
      else print(toldText(told, recorderText(recorder)))
    },
  )
}

async function pastOf(socket: string, filter?: string): Promise<Moment[]> {
  const past: Moment[] = []
  const query = { past: true, ...(filter && { filter }) }
  for await (const moment of moments(socket, query)) past.push(moment)
  return past
}

function filterOf(tuple: readonly string[]): string {
  return tuple.map(end => `conn ${end}`).join(' and ')
}

/** Why it may have nothing, and what to do. */
export function recorderText({ ring, bytes }: Pick<RecorderInfo, 'ring' | 'bytes'>): string {
  return ring
    ? `the recorder keeps ${Math.round(bytes / 2 ** 20)} MiB of each worker, and forgets what is older (capture.size in the config)`
    : 'the recorder is off: tapvs capture --ring on keeps what comes from now on (capture.ring in the config)'
}

/** => as connections have them. Throws CliError for what is not one or two ends. */
export function tupleOf(words: readonly string[]): string[] {
  if (words.length > 2) throw new CliError(`${WANTS}, not ${words.length} ends`, 2)
  return words.map(word => {
    const end = parseIpEndpoint(word)
    if (end === undefined) throw new CliError(`${WANTS}, not '${word}'`, 2)
    return ipEndpointText(end.address, end.port)
  })
}

const WANTS = 'explain conn wants one or two ADDRESS:PORT, of IPv6 [ADDRESS]:PORT'

async function livingConns(socket: string): Promise<ConnInfo[]> {
  const conns: ConnInfo[] = []
  for (let from = 0; from >= 0; ) {
    const page = await ask(socket, { verb: 'conns', from, limit: CONNS_PER_REQUEST })
    conns.push(...page.conns)
    from = page.next
  }
  return conns
}

export interface Told {
  stories: Story[]
  /** Segments that opened nothing, what is said of each. */
  refused: string[][]
  /** Connections beside those that are told, CLIENT VIP LIP RS, with UDP or ICMP in front if they are of that. */
  others: string[]
  /** Of living connections that the recorder has nothing of. */
  unrecorded: string[]
}

/** Everything that is known of connections with all ends of `tuple`; null if that is nothing. */
export function tell(
  tuple: readonly string[],
  past: readonly Moment[],
  live: readonly ConnInfo[],
  context: StoryContext,
): Told | null {
  const wanted = parseFilter(filterOf(tuple))
  const { lives, attempts } = livesOf(past.filter(wanted))
  const living = live.filter(conn => tuple.every(end => endsOf(conn).includes(end)))
  const now = new Map(living.map(conn => [nameOf(conn), conn]))
  const known = new Set(lives.map(life => keyOf(life)))
  const unrecorded = living.filter(conn => !known.has(nameOf(conn)))
  if (lives.length + attempts.length + unrecorded.length === 0) return null
  const shown = lives.slice(-STORIES)
  return {
    stories: shown.map(life => storyOf(factsOf(life), context, stateNow(life, lives, now))),
    refused: attempts.slice(-ATTEMPTS).map((attempt: Attempt) => attemptText(attempt, context)),
    others: lives.slice(0, -STORIES).map(life => keyOf(life)),
    unrecorded: unrecorded.slice(0, NEAR).map(unrecordedText),
  }
}

function endsOf({ client, vip, lip, rs }: Ends): string[] {
  return [client, vip, lip, rs]
}

/** As the filter and `ipvsadm -lnc` have them, and with the protocol in front, if it is not TCP. */
function nameOf(ends: Ends & { protocol: string }): string {
  const protocol = ends.protocol.toUpperCase()
  return `${protocol === 'TCP' ? '' : `${protocol} `}${endsOf(ends).join(' ')}`
}

function keyOf({ ends }: Life): string {
  return nameOf(ends)
}

/** The live record is that of the last life with these ends, if it has not ended. */
function stateNow(
  life: Life,
  lives: readonly Life[],
  now: ReadonlyMap<string, ConnInfo>,
): string | null {
  const last = lives.findLast(other => keyOf(other) === keyOf(life))
  const conn = now.get(keyOf(life))
  if (conn === undefined || life.ended || last !== life) return null
  return conn.state
}

function unrecordedText(conn: ConnInfo): string {
  return `${nameOf(conn)} lives, in ${conn.state}, worker ${conn.worker}; ${conn.timeout_sec} s after its last ${packetNoun(conn.protocol)} it ends, and ${expiryText(conn.state, conn.forwarding)}`
}

/** One line on connections that come near; `past` is all that the recorder has. */
export function nothing(
  tuple: readonly string[],
  past: readonly Moment[],
  live: readonly ConnInfo[],
  context: StoryContext,
): string {
  const hosts = tuple.map(end => end.replace(/:\d*$/, ''))
  const all = [...livesOf(past).lives.map(({ ends }) => ends), ...live].map(endsOf)
  const same = all.filter(ends => hosts.every(host => ends.some(end => end.startsWith(`${host}:`))))
  const near = [...new Set(same.map(ends => ends.join(' ')))].slice(-NEAR)
  const lip = tuple.find(end =>
    context.addresses.some(own => own.lports && end.startsWith(`${hostText(own.address)}:`)),
  )
  return [
    `nothing is known of a connection with ${tuple.join(' and ')}`,
    ...(near.length > 0 ? [`near are ${near.join(', ')}`] : []),
    ...(lip ? [`tapvs whois ${lip} asks the history who had that lport`] : []),
  ].join('; ')
}

/** `recorder` says why a connection may not be in it. */
export function toldText({ stories, refused, others, unrecorded }: Told, recorder: string): string {
  const parts = stories.map(storyText)
  for (const lines of refused) parts.push(`${lines.join('\n  ')}\n`)
  for (const line of unrecorded) {
    parts.push(`${line}\nhow it began is not known: ${recorder}\n`)
  }
  if (others.length > 0) {
    const lines = others.slice(-NEAR).map(line => `  ${line}\n`)
    parts.push(`${others.length} earlier ones; two ends choose among them:\n${lines.join('')}`)
  }
  return parts.join('\n')
}
