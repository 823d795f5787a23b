/** All operations under /v1 except the stream of events (sse.ts). */

import * as z from 'zod'
import * as answers from '../../api/answers.ts'
import { object } from '../../api/change.ts'
import { editSchema, serviceKey } from '../../api/edit-schema.ts'
import { address, port, wholeText } from '../../api/fields.ts'
import { NETWORK_OPERATIONS } from '../../api/network.ts'
import { type Operation, operation, verbOperation } from '../../api/operation.ts'
import { SERVICE_OPERATIONS } from '../../api/services.ts'
import { SET_LOG, SET_RECORDER } from '../../api/verbs.ts'
import { WHOIS_OPERATIONS } from '../../api/whois.ts'
import { CONTENT_TYPE } from '../readings/exposition.ts'
import { metricsText } from '../readings/metrics.ts'

/** A page of connections is copied between two bursts of packets, so it must be short. */
const PAGE_MAX = 1000

const READ_OPERATIONS: Operation[] = [
  verbOperation('ping', {
    id: 'ping',
    tag: 'daemon',
    summary: 'Whether the daemon answers, and which it is',
    query: object({}),
    answer: answers.pong,
  }),
  verbOperation('ui', {
    id: 'ui',
    tag: 'daemon',
    summary: 'Where the page for the browser is, with its token',
    query: object({}),
    answer: answers.ui,
  }),
  verbOperation('log', {
    id: 'logLevel',
    tag: 'daemon',
    summary: 'The levels of the log',
    query: object({}),
    answer: answers.logLevel,
  }),
  verbOperation(
    'log',
    {
      id: 'setLogLevel',
      tag: 'daemon',
      summary: 'Set the level of all modules of the log, or of one',
      body: object({ level: answers.level, module: answers.module.exactOptional() }),
      answer: answers.logLevel,
    },
    SET_LOG,
  ),
  verbOperation('recorder', {
    id: 'recorder',
    tag: 'packets',
    summary: 'Whether the flight recorder is on, and for whom',
    query: object({}),
    answer: answers.recorder,
  }),
  verbOperation(
    'recorder',
    {
      id: 'setRecorder',
      tag: 'packets',
      summary: 'Keep the flight recorder on without anybody who looks, or no longer',
      body: object({ ring: z.boolean('true or false') }),
      answer: answers.recorder,
    },
    SET_RECORDER,
  ),
  verbOperation('reopen', {
    id: 'reopenLog',
    tag: 'daemon',
    summary: 'Open the files of the log anew, after they were renamed',
    answer: z.null(),
  }),
  verbOperation('conns', {
    id: 'conns',
    tag: 'connections',
    summary: 'A page of the connection table',
    query: object({
      from: wholeText(0, Number.MAX_SAFE_INTEGER).default(0),
      limit: wholeText(1, PAGE_MAX).default(PAGE_MAX),
    }),
    answer: answers.connPage,
  }),
  verbOperation('counters', {
    id: 'counters',
    tag: 'statistics',
    summary: 'Arms, drops by reason, events, what is in use',
    query: object({}),
    answer: answers.counters,
  }),
  verbOperation('edges', {
    id: 'edges',
    tag: 'connections',
    summary: 'What of the state machine was used: how often, and when last',
    query: object({}),
    answer: z.array(answers.edge),
  }),
  verbOperation('drops', {
    id: 'drops',
    tag: 'statistics',
    summary: 'The last refused frames by drop reason',
    query: object({ reason: answers.dropReason.exactOptional() }),
    answer: z.array(answers.drop),
  }),
  verbOperation('numbers', {
    id: 'numbers',
    tag: 'statistics',
    summary: 'Everything that can be counted, at one moment',
    query: object({}),
    answer: answers.numbers,
  }),
  operation({
    id: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'statistics',
    summary: 'The same for Prometheus, in its text format',
    answer: z.string(),
    type: CONTENT_TYPE,
    request: () => ({ verb: 'numbers' }),
    pick: numbers => metricsText(numbers),
  }),
  verbOperation('zero', {
    id: 'zero',
    tag: 'statistics',
    summary: 'Begin the statistics of one service or all at 0 again',
    refuses: [404],
    body: object({ service: serviceKey.exactOptional() }),
    answer: z.null(),
  }),
  verbOperation('cut', {
    id: 'cut',
    tag: 'services',
    summary:
      'End the connections of a real server, of one service or all, by RSTs to both ends; also of one that was deleted. Give it weight 0 first',
    body: object({ server: object({ address, port }), service: serviceKey.exactOptional() }),
    refuses: [404],
    answer: answers.cut,
  }),
]

/** Its mistakes are told by the daemon, all of them and in the words of `tapvs config check`. */
const config = z
  .record(z.string(), z.unknown(), 'an object, what a config file holds')
  .meta({ id: 'Config', description: 'What a config file holds; config/lab.yaml has every key.' })

const CONFIG_OPERATIONS: Operation[] = [
  verbOperation('config', {
    id: 'config',
    tag: 'config',
    summary: 'The running state as a config file holds it',
    query: object({}),
    answer: z.record(z.string(), z.unknown()).meta({ id: 'RunningConfig' }),
  }),
  operation({
    id: 'checkConfig',
    method: 'POST',
    path: '/v1/config/check',
    tag: 'config',
    summary: 'What a config would change, or its mistakes',
    refuses: [422],
    body: object({ config }),
    answer: answers.plan,
    request: ({ body }) => ({ verb: 'apply', config: body.config, dry_run: true }),
  }),
  verbOperation('apply', {
    id: 'applyConfig',
    tag: 'config',
    summary: 'Make a config the running one, all of it or nothing',
    refuses: [422],
    body: object({ config, dry_run: z.boolean('true or false').exactOptional() }),
    answer: answers.plan,
  }),
  verbOperation('reload', {
    id: 'reloadConfig',
    tag: 'config',
    summary: "Read the daemon's own config file again and apply it",
    refuses: [422],
    answer: answers.plan,
  }),
  verbOperation('edit', {
    id: 'edit',
    tag: 'config',
    summary: 'Several changes at once, all or none',
    refuses: [404, 409, 422],
    body: object({
      edits: z.array(editSchema, 'a list'),
      dry_run: z.boolean('true or false').exactOptional(),
    }),
    answer: answers.plan,
  }),
]

export const OPERATIONS: readonly Operation[] = [
  ...READ_OPERATIONS,
  ...WHOIS_OPERATIONS,
  ...SERVICE_OPERATIONS,
  ...NETWORK_OPERATIONS,
  ...CONFIG_OPERATIONS,
]
