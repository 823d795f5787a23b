/**
 * The schemas of single values in requests, with messages that say what was expected, as in config/schema.ts. In paths
 * and queries everything is text; there, numbers and booleans are read from it, and no other spelling is.
 */

import * as z from 'zod'
import { canonicalIp, isIp } from '../wire/ip-address.ts'
import { canonicalMatch } from './match.ts'
import { MATCH_PROTOCOLS, PROTOCOL_NAMES } from './protocols.ts'
import {
  ACL_ESTABLISHED,
  ACL_LISTS,
  ALL_FORWARDINGS,
  FORWARDINGS,
  HASH_TARGETS,
  oneOf,
  PROXY_PROTOCOLS,
  SCHEDULER_NAMES,
  SYN_PROXY,
  WHEN_DOWN,
} from './words.ts'

export const protocol = z.literal(PROTOCOL_NAMES, oneOf(PROTOCOL_NAMES))
export const anyProtocol = z.literal(MATCH_PROTOCOLS, oneOf(MATCH_PROTOCOLS))
export const scheduler = z.enum(SCHEDULER_NAMES, oneOf(SCHEDULER_NAMES))
export const hashTarget = z.enum(HASH_TARGETS, oneOf(HASH_TARGETS))
export const aclList = z.enum(ACL_LISTS, oneOf(ACL_LISTS))
export const aclEstablished = z.enum(ACL_ESTABLISHED, oneOf(ACL_ESTABLISHED))
export const whenDown = z.enum(WHEN_DOWN, oneOf(WHEN_DOWN))
export const forwarding = z.enum(FORWARDINGS, oneOf(FORWARDINGS))
export const anyForwarding = z.enum(ALL_FORWARDINGS, oneOf(ALL_FORWARDINGS))
export const synProxy = z.enum(SYN_PROXY, oneOf(SYN_PROXY))
export const proxyProtocol = z.enum(PROXY_PROTOCOLS, oneOf(PROXY_PROTOCOLS))

const AN_ADDRESS = 'an IPv4 or IPv6 address'
/** Of either family; of IPv6 in its one form from here on, as the config's are compared as text. */
export const address = z
  .string(AN_ADDRESS)
  .refine(isIp, AN_ADDRESS)
  .overwrite(canonicalIp)
  .meta({ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })

const A_MATCH = 'criteria of a match service, like from=192.0.2.2-192.0.2.9,oif=ARM'
/** Of a service: the criteria of a match service stand in its place, in their one form from here on. */
export const serviceAddress = z
  .string(AN_ADDRESS)
  .refine(value => isIp(value) || canonicalMatch(value) !== undefined, {
    error: ({ input }) => (`${input}`.includes('=') ? A_MATCH : AN_ADDRESS),
  })
  .overwrite(value => canonicalMatch(value) ?? canonicalIp(value))
  .meta({ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }, { pattern: '=' }] })

export const whole = (min: number, max: number) => {
  const expected = `a whole number ${min}-${max}`
  return z.int(expected).min(min, expected).max(max, expected)
}

export const port = whole(1, 65_535)
/** Of services and real servers; match services have 0, and so have theirs. */
export const anyPort = whole(0, 65_535)

/** As `whole`, in a path or a query. */
export const wholeText = (min: number, max: number) =>
  z.preprocess(
    value => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    whole(min, max),
  )

export const booleanText = z.preprocess(
  value => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('true or false'),
)

export const text = (expected: string, max = 255) =>
  z.string(expected).min(1, expected).max(max, expected)

export const object = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, 'an object')

/** What GET gives and no change sets: it may stand in the body of a change, so that what was read can be sent back. */
export const readOnly = <T extends z.ZodRawShape>(shape: T) => {
  const ignored = z.unknown().optional().meta({ readOnly: true, description: 'Passed over.' })
  return Object.fromEntries(Object.keys(shape).map(key => [key, ignored])) as Record<
    keyof T,
    typeof ignored
  >
}
