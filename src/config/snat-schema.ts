/** The schema of the keys of `snat`. */

import * as z from 'zod'
import { scheduler } from '../api/fields.ts'
import { SECONDS_MAX, WEIGHT_MAX } from '../api/limits.ts'
import { A_RANGE, FAMILIES, rangeOf } from '../api/match.ts'
import { DEFAULT_PROTOCOL, MATCH_PROTOCOLS } from '../api/protocols.ts'
import { DEFAULT_SCHEDULER, oneOf } from '../api/words.ts'
import { canonicalIp, isIp } from '../wire/ip-address.ts'

const whole = (min: number, max: number) => {
  const expected = `a whole number ${min}-${max}`
  return z.int(expected).min(min, expected).max(max, expected)
}
const range = z.string(A_RANGE).refine(value => rangeOf(value) !== undefined, A_RANGE)
const AN_ARM = 'the name of an arm without commas and ='
const arm = z.string(AN_ARM).regex(/^[^,=]+$/, AN_ARM)
const AN_ADDRESS = 'an IPv4 or IPv6 address'
const address = z.string(AN_ADDRESS).refine(isIp, AN_ADDRESS).overwrite(canonicalIp)
/** The last is `icmp` by the name that it has over IPv6. */
const RULE_PROTOCOLS = [...MATCH_PROTOCOLS, 'icmpv6'] as const
const A_FAMILY = FAMILIES.join(' or ')

export const snatSchema = z.strictObject(
  {
    protocol: z.literal(RULE_PROTOCOLS, oneOf(RULE_PROTOCOLS)).default(DEFAULT_PROTOCOL),
    source: range.optional(),
    destination: range.optional(),
    in: arm.optional(),
    out: arm.optional(),
    family: z.enum(FAMILIES, A_FAMILY).optional(),
    scheduler: scheduler.default(DEFAULT_SCHEDULER),
    conn_timeout: whole(1, SECONDS_MAX).optional(),
    addresses: z
      .array(
        z.strictObject({ address, weight: whole(0, WEIGHT_MAX).default(1) }, 'a mapping'),
        'a list',
      )
      .default([]),
  },
  'a mapping',
)
