/**
 * What a reader of the playground may choose, a row each: its words or bounds, what it is unless somebody says otherwise, and what
 * is said of it. The schema (scenario.ts), the form on the page and the link read these rows.
 */

import { SCHEDULER_CHOICES, SYN_PROXY } from '../api/words.ts'

interface Said {
  /** Beside the control. */
  label: string
  group: Group
  /** One sentence more. */
  help?: string
}

export const GROUPS = ['Clients', 'Real servers', 'Network', 'Balancer'] as const
export type Group = (typeof GROUPS)[number]

export interface Choice<W extends string = string> extends Said {
  kind: 'choice'
  words: readonly W[]
  otherwise: W
}

export interface Whole extends Said {
  kind: 'whole'
  min: number
  max: number
  otherwise: number
}

/** Words with a blank between, each of which `item` matches. */
export interface List extends Said {
  kind: 'list'
  item: RegExp
  /** How one of them is written. */
  like: string
  min: number
  max: number
  otherwise: readonly string[]
}

export type Field = Choice | Whole | List

/** Where a packet can be lost: in front of the balancer or behind it, on either side. */
export const LEGS = ['client', 'vip', 'lip', 'rs'] as const
export type Leg = (typeof LEGS)[number]

/** Who ends a connection of TCP, and how. */
export const CLOSES = [
  'client',
  'rs',
  'both',
  'client-only',
  'rs-only',
  'client-reset',
  'rs-reset',
  'nobody',
] as const

const YES_NO = ['yes', 'no'] as const

function choice<W extends string>(words: readonly W[], otherwise: W, said: Said): Choice<W> {
  return { kind: 'choice', words, otherwise, ...said }
}

function whole(range: readonly [number, number], otherwise: number, said: Said): Whole {
  return { kind: 'whole', min: range[0], max: range[1], otherwise, ...said }
}

export const FIELDS = {
  protocol: choice(['tcp', 'udp'], 'tcp', { group: 'Clients', label: 'Protocol' }),
  connections: whole([1, 40], 1, { group: 'Clients', label: 'Connections' }),
  addresses: whole([1, 40], 1, {
    group: 'Clients',
    label: 'Client addresses',
    help: 'The connections take turns in them.',
  }),
  gap: whole([0, 60_000], 20, { group: 'Clients', label: 'ms from one connection to the next' }),
  requests: whole([0, 20], 1, { group: 'Clients', label: 'Requests in a connection' }),
  bytes: whole([1, 8000], 76, { group: 'Clients', label: 'Bytes of a request' }),
  closes: choice(CLOSES, 'client', {
    group: 'Clients',
    label: 'Who closes first',
    help: 'With “only” the other end never closes.',
  }),
  flood: whole([0, 3000], 0, {
    group: 'Clients',
    label: 'SYNs of a flood',
    help: 'From made-up addresses, a hundred in each millisecond, before the first connection; no answer is ever acknowledged.',
  }),
  servers: {
    kind: 'list',
    item: /^(?:0|[1-9]\d{0,2})(?:-refuses|-silent)?$/,
    like: '100, 50-refuses or 1-silent: a weight below 1000, and how it behaves if it does not answer',
    min: 1,
    max: 4,
    otherwise: ['100'],
    group: 'Real servers',
    label: 'Weights',
    help: 'One for each, as in 100 50; 50-refuses has its port closed, 50-silent says nothing.',
  } as List,
  answer: whole([1, 8000], 50, { group: 'Real servers', label: 'Bytes of an answer' }),
  lost: {
    kind: 'list',
    item: /^(?:client|vip|lip|rs)\.[1-9]\d{0,2}$/,
    like: 'client, vip, lip or rs, and the number of its packet, as in client.2',
    min: 0,
    max: 8,
    otherwise: [],
    group: 'Network',
    label: 'Packets that are lost',
    help: 'As in client.2 rs.1: the second that clients send, the first that RSs send; vip and lip are what the balancer sends. A flood is not counted.',
  } as List,
  seconds: whole([1, 600], 10, {
    group: 'Network',
    label: 'Seconds to watch',
    help: 'Of the playground’s clock, which does not wait.',
  }),
  scheduler: choice(SCHEDULER_CHOICES, 'wrr', { group: 'Balancer', label: 'Scheduler' }),
  toa: choice(['seed', 'master', 'off'], 'seed', {
    group: 'Balancer',
    label: 'TOA',
    help: 'How the RS is told the client, in a TCP option.',
  }),
  uoa: choice(['off', 'opp', 'ipo'], 'off', {
    group: 'Balancer',
    label: 'UOA',
    help: 'The same of UDP.',
  }),
  syn_proxy: choice(SYN_PROXY, 'off', { group: 'Balancer', label: 'SYN proxy' }),
  make_room: choice(YES_NO, 'yes', {
    group: 'Balancer',
    label: 'Make room',
    help: 'The oldest half-open connection makes room when lports run short.',
  }),
  strict: choice(['on', 'off'], 'on', { group: 'Balancer', label: 'Strict about segments' }),
  bare_ack: choice(['drop', 'rst'], 'drop', {
    group: 'Balancer',
    label: 'An ACK without connection',
  }),
  workers: whole([1, 32], 1, {
    group: 'Balancer',
    label: 'Workers',
    help: 'The playground runs one of them, with its share of the lports.',
  }),
  worker: whole([1, 32], 1, { group: 'Balancer', label: 'Which of them' }),
  isn: whole([0, 0xffff_ffff], 0, {
    group: 'Balancer',
    label: 'First sequence number towards RSs',
    help: '0: the engine chooses, as it always does.',
  }),
} as const satisfies Record<string, Field>

export type Key = keyof typeof FIELDS
export const KEYS = Object.keys(FIELDS) as Key[]
