/** The keys `check` and `passive` of a service: their schema, what their values say about each other, their defaults. */

import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Protocol } from '../api/protocols.ts'
import { oneOf } from '../api/words.ts'
import { byWord } from '../see/text/by-word.ts'
import { snakeCase } from '../see/text/snake-case.ts'
import { RCODE_WORDS, type Rcode, RECORD_TYPES, type RecordType } from './dns-words.ts'
import { word } from './word.ts'

/** An active health check of a service's real servers. Times are seconds, not always whole ones. */
export interface ConfigCheck {
  type: CheckType
  interval: number
  /** What the interval grows to while an RS is down. */
  maxInterval: number
  timeout: number
  rise: number
  fall: number
  /** What becomes of the connections of an RS that is found down, or deleted. */
  onDown: FileCheck['on_down']
  /** In which the weight of an RS that was down grows to the configured one. */
  slowStart: number
  /** 0: the RS's own. */
  port: number
  /** http, https */
  path: string
  host: string | null
  /** Ranges, both ends included. */
  status: [from: number, to: number][]
  /** What the body has to hold. */
  expect: string | null
  /** https: the certificate has to be good. */
  verify: boolean
  /** redis */
  password: string | null
  /** script */
  command: string[]
  /** dns: what is asked for, and which answers are good. */
  name: string
  record: RecordType
  rcode: Rcode[]
  /** udp: hex digits; and whether silence is a failure. */
  payload: string
  reply: boolean
}

/** A passive one, by what becomes of connections. Times are seconds. */
export interface ConfigPassive {
  /** This many connections that fail within this many seconds take an RS out. */
  failures: number
  within: number
  /** For how long: the first time, and at most. */
  min: number
  max: number
}

const whole = (min: number, max: number) => {
  const expected = `a whole number ${min}-${max}`
  return z.int(expected).min(min, expected).max(max, expected)
}
const seconds = (min: number, max: number) => {
  const expected = `seconds, ${min}-${max}`
  return z.number(expected).min(min, expected).max(max, expected)
}
const text = (expected: string, pattern: RegExp) => z.string(expected).regex(pattern, expected)

const STATUS = 'a status like 200 or a range like 200-399, or a list of them'
const status = z.union(
  [
    z.int(STATUS).min(100, STATUS).max(599, STATUS),
    z.string(STATUS).regex(/^[1-5]\d\d(-[1-5]\d\d)?$/, STATUS),
  ],
  STATUS,
)
const COMMAND = 'a list like [/usr/local/bin/check, -v], its first item an absolute path'

export const CHECK_TYPES = [
  'none',
  'tcp',
  'http',
  'https',
  'redis',
  'script',
  'dns',
  'udp',
] as const
export type CheckType = (typeof CHECK_TYPES)[number]

/** What a check travels by, whatever the protocol of its service; a script may choose. */
export function protocolsOf(type: CheckType): readonly Protocol[] {
  if (type === 'script') return ['tcp', 'udp']
  return type === 'dns' || type === 'udp' ? ['udp'] : ['tcp']
}

const A_NAME = 'a name of DNS, like example.org, or . for the root'
/** Labels of 1-63 characters, 253 in all (RFC 1035, section 2.3.4). */
const isDnsName = (text: string) =>
  text === '.' || (text.length <= 254 && /^([\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(text))
const rcode = z.enum(RCODE_WORDS, oneOf(RCODE_WORDS))
const RCODE = `${oneOf(RCODE_WORDS)}, or a list of them`
const PAYLOAD = 'at most 512 bytes as hex digits in quotes, like "0a1b"'

export const checkSchema = z.strictObject(
  {
    type: word(CHECK_TYPES),
    interval: seconds(0.1, 86_400).default(3),
    max_interval: seconds(0.1, 86_400).default(30),
    timeout: seconds(0.1, 3600).default(2),
    rise: whole(1, 100).default(2),
    fall: whole(1, 100).default(3),
    slow_start: seconds(0, 86_400).default(0),
    on_down: word(['keep', 'reset']),
    port: whole(1, 65_535).optional(),
    path: text('a path that begins with /', /^\/[\x21-\x7e]*$/).optional(),
    host: text('a host name, with or without a port', /^[\w.:[\]-]+$/).optional(),
    status: z.union([status, z.array(status, STATUS).min(1, STATUS)], STATUS).optional(),
    expect: text('a text', /./).optional(),
    verify: z.boolean('true or false').optional(),
    password: text('a text', /./).optional(),
    command: z
      .array(z.string(COMMAND), COMMAND)
      .refine(([program]) => program?.startsWith('/'), COMMAND)
      .optional(),
    name: z.string(A_NAME).refine(isDnsName, A_NAME).optional(),
    record: z.enum(RECORD_TYPES, oneOf(RECORD_TYPES)).optional(),
    rcode: z.union([rcode, z.array(rcode, RCODE).min(1, RCODE)], RCODE).optional(),
    payload: text(PAYLOAD, /^([0-9a-f]{2}){0,512}$/i).optional(),
    reply: z.boolean('true or false').optional(),
  },
  'a mapping',
)

export const passiveSchema = z.strictObject(
  {
    failures: whole(1, 10_000).default(3),
    within: seconds(0.5, 3600).default(10),
    min: seconds(0.5, 86_400).default(5),
    max: seconds(0.5, 86_400).default(300),
  },
  'a mapping',
)

export type FileCheck = z.output<typeof checkSchema>
export type FilePassive = z.output<typeof passiveSchema>

/** Keys that mean something to some types only. */
const TYPES_OF: Readonly<Record<string, readonly string[]>> = byWord({
  port: CHECK_TYPES.filter(type => type !== 'none'),
  path: ['http', 'https'],
  host: ['http', 'https'],
  status: ['http', 'https'],
  expect: ['http', 'https', 'udp'],
  verify: ['https'],
  password: ['redis'],
  command: ['script'],
  name: ['dns'],
  record: ['dns'],
  rcode: ['dns'],
  payload: ['udp'],
  reply: ['udp'],
})

/** What is wrong with checks whose values are each right: keys of the service, and what was expected there. */
export function* checkProblems(service: {
  check?: Record<string, unknown> | undefined
  passive?: Record<string, unknown> | undefined
}): Generator<[key: string[], text: string]> {
  const { check = {}, passive } = service
  const type = String(check.type ?? 'none')
  for (const [key, types] of Object.entries(TYPES_OF)) {
    if (check[key] === undefined || types.includes(type)) continue
    const wanted = types.join(' or ')
    yield [['check', key], `expected a check of type ${wanted} with it, found type ${type}`]
  }
  if (type === 'script' && check.command === undefined)
    yield [['check', 'command'], `expected ${COMMAND}, found nothing`]
  if (check.on_down === 'reset' && type === 'none' && passive === undefined)
    yield [
      ['check', 'on_down'],
      'expected a check.type or passive with it, which find a real server down',
    ]
  if (passive && Number(passive.min) > Number(passive.max))
    yield [['passive', 'min'], `expected at most max ${passive.max}, found ${passive.min}`]
}

export function configCheck(check: FileCheck): ConfigCheck {
  const list = check.status === undefined ? ['200-399'] : [check.status].flat()
  return {
    type: check.type,
    interval: check.interval,
    maxInterval: check.max_interval,
    timeout: check.timeout,
    rise: check.rise,
    fall: check.fall,
    slowStart: check.slow_start,
    onDown: check.on_down,
    port: check.port ?? 0,
    path: check.path ?? '/',
    host: check.host ?? null,
    status: list.map(range => {
      const [from, to] = String(range).split('-').map(Number) as [number, number?]
      return [from, to ?? from]
    }),
    expect: check.expect ?? null,
    verify: check.verify ?? false,
    password: check.password ?? null,
    command: check.command ?? [],
    name: check.name ?? '.',
    record: check.record ?? 'soa',
    rcode: [check.rcode ?? ['noerror', 'nxdomain']].flat() as Rcode[],
    payload: check.payload ?? '',
    reply: check.reply ?? false,
  }
}

export function configPassive(passive: FilePassive): ConfigPassive {
  return { ...passive }
}

/** The checks of a service in a few words; other checks have other words. */
export function checkWords(service: {
  check: ConfigCheck
  passive: ConfigPassive | null
}): string[] {
  const { check, passive } = service
  const differ = (value: object, usual: object) =>
    Object.entries(value).filter(([key, own]) => {
      return JSON.stringify(own) !== JSON.stringify((usual as Record<string, unknown>)[key])
    })
  const words = differ(check, NO_CHECK).map(([key, value]) => {
    // It has to be seen that it changed, but not what it is.
    return `${snakeCase(key)} ${key === 'password' ? digest(value) : JSON.stringify(value)}`
  })
  return [
    ...(words.length > 0 ? [`check {${words.join(', ')}}`] : []),
    ...(passive ? [`passive ${JSON.stringify(passive)}`] : []),
  ]
}

const SALT = randomBytes(16)

function digest(value: string): string {
  return createHash('sha256').update(SALT).update(value).digest('hex').slice(0, 8)
}

/** What a service without the key has. */
export const NO_CHECK: ConfigCheck = configCheck(checkSchema.parse({}))
