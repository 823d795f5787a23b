/** `tapvs capture`: packets of all arms as they are, and what the appliance did with each; made in ../capture. */

import type { Argv } from 'yargs'
import { FilterError, parseFilter } from '../../see/moments/filter.ts'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'

/** Of the recorder. */
const SWITCH = ['on', 'off', 'status']

const OPTIONS = {
  write: {
    alias: 'w',
    type: 'string',
    requiresArg: true,
    describe: 'write pcapng to this file, - for stdout; else a line per packet',
  },
  count: {
    alias: 'c',
    type: 'number',
    requiresArg: true,
    describe: 'end after so many packets',
  },
  seconds: {
    type: 'number',
    requiresArg: true,
    describe: 'end after so many seconds',
  },
  snaplen: {
    alias: 's',
    type: 'number',
    requiresArg: true,
    describe: 'bytes of each frame, 64-65535; default: capture.snaplen of the config',
  },
  past: {
    type: 'boolean',
    default: false,
    describe: 'begin with what the flight recorder holds',
  },
  ring: {
    type: 'string',
    describe:
      'on, off or status of the flight recorder; without a word: what it holds, and the end',
  },
} as const

export function addCapture(common: Argv<Common>): void {
  common.command(
    'capture [filter..]',
    'packets of both arms with what became of each, as pcapng or in lines',
    command =>
      command
        .positional('filter', {
          type: 'string',
          array: true,
          default: [],
          describe:
            'host A, net A/N, port N, tcp, udp, icmp, icmp6, arp (or proto NAME), ip, ip6, frag, client|vip|lip|rs A[:P], conn A:P, state NAME, drop [REASON], arm NAME, pair N; and, or, not, ( )',
        })
        .options(OPTIONS)
        .example('$0 capture -w all.pcapng', 'until Ctrl-C')
        .example('$0 capture -w - vip 202.108.10.1:6379 | tshark -r -', 'one service, live')
        .example('$0 capture drop tcp_no_conn', 'refused packets, a line each')
        .check(({ filter, count, seconds, snaplen, ring, past }) => {
          checkWords(wordsOf(filter, ring))
          whole('count', count, 1, Number.MAX_SAFE_INTEGER)
          whole('seconds', seconds, 1, 86_400)
          whole('snaplen', snaplen, 64, 65_535)
          if (ring !== undefined && (past || seconds !== undefined))
            throw new CliError('--ring ends with what is there: without --past and --seconds', 2)
          return true
        }),
    async ({ socket, filter, write, count, seconds, snaplen, past, ring }) => {
      if (ring !== undefined && SWITCH.includes(ring)) return recorder(socket, ring)
      const words = wordsOf(filter, ring)
      const query = {
        past: past || ring !== undefined,
        follow: ring === undefined,
        ...(words.length > 0 && { filter: words.join(' ') }),
        ...(snaplen !== undefined && { snaplen }),
      }
      const counted = count !== undefined && { count }
      if (write === undefined) {
        const { printMoments } = await import('../capture/lines.ts')
        return printMoments(socket, query, {
          ...counted,
          ...(seconds !== undefined && { seconds }),
        })
      }
      const { writeCapture } = await import('../capture/write.ts')
      await writeCapture(socket, { ...query, ...counted }, write, seconds)
    },
  )
}

/** `--ring drop` is the first word of a filter behind it: yargs takes it for the value of the option. */
function wordsOf(filter: readonly string[], ring: string | undefined): string[] {
  return ring && !SWITCH.includes(ring) ? [ring, ...filter] : [...filter]
}

/** The daemon knows the same words, but it need not be asked. */
function checkWords(words: readonly string[]): void {
  try {
    parseFilter(words.join(' '))
  } catch (error) {
    if (error instanceof FilterError) throw new CliError(error.message, 2)
    throw error
  }
}

function whole(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return
  const upTo = max === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${max}`
  throw new CliError(`--${name} wants a whole number of ${min} ${upTo}`, 2)
}

async function recorder(socket: string, word: string): Promise<void> {
  const { ring, followers, snaplen, bytes } = await ask(
    socket,
    word === 'status' ? { verb: 'recorder' } : { verb: 'set-recorder', ring: word === 'on' },
  )
  const why = ring ? 'kept on' : followers > 0 ? 'on while somebody looks' : 'off'
  print(
    `flight recorder ${why}, ${followers} following, ${snaplen} bytes of each frame, ${bytes} bytes per worker\n`,
  )
}
