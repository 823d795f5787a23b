/**
 * What the daemon can be asked, a row a verb: what goes in (`query` or `body`, by the method of verbs.ts), what comes out,
 * and what the document says of it. The types follow (commands.ts), and control/respond.ts has the answers.
 */

import * as z from 'zod'
import * as answers from './answers.ts'
import { editSchema, serviceKey } from './edit-schema.ts'
import { address, booleanText, object, port, readOnly, text, wholeText } from './fields.ts'
import { LIST_VERBS } from './list-verbs.ts'
import * as statistics from './statistics.ts'
import { upgrade, upgradeBody } from './upgrade.ts'
import type { VerbName } from './verbs.ts'
import { whois } from './whois.ts'

/** A page of connections is copied between two bursts of packets, so it must be short. */
const PAGE_MAX = 1000

/** Its mistakes are told by the daemon, all of them and in the words of `tapvs config check`. */
export const config = z
  .record(z.string(), z.unknown(), 'an object, what a config file holds')
  .meta({ id: 'Config', description: 'What a config file holds; config/lab.yaml has every key.' })

const none = object({})
const dryRun = { dry_run: z.boolean('true or false').exactOptional() }

export interface VerbRow {
  /** Name of the client's method; operationId of the document. */
  id: string
  tag: string
  summary: string
  query?: z.ZodType
  body?: z.ZodType
  answer: z.ZodType
  /** Statuses of refusals, but for those that the way to any operation has. */
  refuses?: readonly number[]
  /** By the control socket only: who may use it is the daemon's user already. */
  local?: true
}

export const VERB_TABLE = {
  ping: {
    id: 'ping',
    tag: 'daemon',
    summary: 'Whether the daemon answers, and which it is',
    query: none,
    answer: answers.pong,
  },
  ui: {
    id: 'ui',
    tag: 'daemon',
    summary: 'Where the page for the browser is, with its token',
    query: none,
    answer: answers.ui,
  },
  upgrade: {
    id: 'upgrade',
    tag: 'daemon',
    summary: 'Which program runs, and how an upgrade to another one goes',
    query: none,
    answer: upgrade,
  },
  'begin-upgrade': {
    id: 'beginUpgrade',
    tag: 'daemon',
    summary:
      'Hand over to another program, with all connections; `GET` says how it goes. By the control socket only',
    body: upgradeBody,
    refuses: [403, 409],
    answer: upgrade,
    local: true,
  },
  log: {
    id: 'logLevel',
    tag: 'daemon',
    summary: 'The levels of the log',
    query: none,
    answer: answers.logLevel,
  },
  'set-log': {
    id: 'setLogLevel',
    tag: 'daemon',
    summary: 'Set the level of all modules of the log, or of one',
    body: object({
      ...answers.logLevel.shape,
      module: answers.module.exactOptional().describe('The only one that is meant.'),
    }).refine(({ module, modules }) => module === undefined || modules === undefined, {
      path: ['modules'],
      error: 'none beside module',
    }),
    answer: answers.logLevel,
  },
  reopen: {
    id: 'reopenLog',
    tag: 'daemon',
    summary: 'Open the files of the log anew, after they were renamed',
    answer: z.null(),
  },
  recorder: {
    id: 'recorder',
    tag: 'packets',
    summary: 'Whether the flight recorder is on, and for whom',
    query: none,
    answer: answers.recorder,
  },
  'set-recorder': {
    id: 'setRecorder',
    tag: 'packets',
    summary: 'Keep the flight recorder on without anybody who looks, or no longer',
    body: object({
      ...readOnly(answers.recorder.shape),
      ring: z.boolean('true or false'),
    }),
    answer: answers.recorder,
  },
  services: {
    id: 'services',
    tag: 'services',
    summary: 'All services with their LIPs and real servers',
    query: object({
      sorted: booleanText
        .exactOptional()
        .describe('By address and port, the default; false for the order of the config.'),
    }),
    answer: z.array(answers.service),
  },
  ...LIST_VERBS,
  conns: {
    id: 'conns',
    tag: 'connections',
    summary: 'A page of the connection table',
    query: object({
      from: wholeText(0, Number.MAX_SAFE_INTEGER).default(0),
      limit: wholeText(1, PAGE_MAX).default(PAGE_MAX),
    }),
    answer: answers.connPage,
  },
  whois: {
    id: 'whois',
    tag: 'connections',
    summary: 'Who is behind a LIP and lport, or what a client has: now, or in a time gone by',
    query: object({
      address: address.describe('A LIP, or the address of a client.'),
      port: wholeText(1, 65_535),
      rs: text('ADDRESS or ADDRESS:PORT').exactOptional().describe('The only RS meant.'),
      from: wholeText(0, Number.MAX_SAFE_INTEGER)
        .exactOptional()
        .describe('ms since 1970; without `from` and `to` it is about now.'),
      to: wholeText(0, Number.MAX_SAFE_INTEGER).exactOptional(),
    }),
    answer: whois,
  },
  edges: {
    id: 'edges',
    tag: 'connections',
    summary: 'What of the state machine was used: how often, and when last',
    query: none,
    answer: z.array(statistics.edge),
  },
  cut: {
    id: 'cut',
    tag: 'services',
    summary:
      'End the connections of a real server, of one service or all, by RSTs to both ends; also of one that was deleted. Give it weight 0 first',
    body: object({ server: object({ address, port }), service: serviceKey.exactOptional() }),
    refuses: [404],
    answer: answers.cut,
  },
  zero: {
    id: 'zero',
    tag: 'statistics',
    summary: 'Begin the statistics of one service or all at 0 again',
    refuses: [404],
    body: object({ service: serviceKey.exactOptional() }),
    answer: z.null(),
  },
  counters: {
    id: 'counters',
    tag: 'statistics',
    summary: 'Arms, drops by reason, events, what is in use',
    query: none,
    answer: statistics.counters,
  },
  drops: {
    id: 'drops',
    tag: 'statistics',
    summary: 'The last refused frames by drop reason',
    query: object({ reason: statistics.dropReason.exactOptional() }),
    answer: z.array(statistics.drop),
  },
  numbers: {
    id: 'numbers',
    tag: 'statistics',
    summary: 'Everything that can be counted, at one moment',
    query: none,
    answer: statistics.numbers,
  },
  addresses: {
    id: 'addresses',
    tag: 'network',
    summary: 'The addresses of the arms; LIPs with their lports',
    query: none,
    answer: z.array(answers.addressInfo),
  },
  routes: {
    id: 'routes',
    tag: 'network',
    summary: 'The routes of all arms, the longest prefix first',
    query: none,
    answer: z.array(answers.route),
  },
  neighbours: {
    id: 'neighbours',
    tag: 'network',
    summary: 'The neighbours that each worker knows',
    query: none,
    answer: z.array(answers.neighbour),
  },
  timeouts: {
    id: 'timeouts',
    tag: 'config',
    summary: 'The timeout of each state, in seconds',
    query: none,
    answer: answers.timeouts,
  },
  config: {
    id: 'config',
    tag: 'config',
    summary: 'The running state as a config file holds it',
    query: object({
      defaults: booleanText
        .exactOptional()
        .describe('Also the keys that have their default value; without it, only the others.'),
    }),
    answer: z.record(z.string(), z.unknown()).meta({ id: 'RunningConfig' }),
  },
  apply: {
    id: 'applyConfig',
    tag: 'config',
    summary: 'Make a config the running one, all of it or nothing',
    refuses: [422],
    body: object({ config, ...dryRun }),
    answer: answers.plan,
  },
  reload: {
    id: 'reloadConfig',
    tag: 'config',
    summary: "Read the daemon's own config file again and apply it",
    refuses: [422],
    answer: answers.plan,
  },
  edit: {
    id: 'edit',
    tag: 'config',
    summary: 'Several changes at once, all or none',
    refuses: [404, 409, 422],
    body: object({ edits: z.array(editSchema, 'a list'), ...dryRun }),
    answer: answers.plan,
  },
} as const satisfies Record<VerbName, VerbRow>

export type VerbTable = typeof VERB_TABLE
