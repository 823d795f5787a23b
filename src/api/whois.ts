/** Who is behind an address that an RS sees. */

import * as z from 'zod'
import { object } from './change.ts'
import { address, protocol, text, wholeText } from './fields.ts'
import { type Operation, verbOperation } from './operation.ts'
import type { WhoisConn, WhoisInfo } from './whois-info.ts'

const count = z.int().min(0)
const ms = z.number().describe('ms since 1970.')

export const whoisConn = z
  .object({
    worker: count,
    protocol,
    client: z.string().describe('address:port, as the next three.'),
    vip: z.string(),
    lip: z.string(),
    rs: z.string(),
    check: z.boolean().describe('The client is a health check of the balancer itself.'),
    openedMs: ms
      .nullable()
      .describe('Of its SYN; null if the history and the session log are off.'),
    state: z.string().describe('Now, or when it ended.'),
    ended: z
      .object({ atMs: ms, lastMs: ms.describe('Of its last segment.'), how: z.string() })
      .nullable()
      .describe('null while it lives; docs/logs.md has the ways to end.'),
  })
  .meta({ id: 'WhoisConn' }) satisfies z.ZodType<WhoisConn>

export const whois = z
  .object({
    as: z.enum(['lip', 'client']).describe('What the address was taken for.'),
    lips: z.array(z.string()).describe('All LIPs that there are.'),
    conns: z.array(whoisConn).describe('The oldest first.'),
    more: z.boolean().describe('There are more, older ones.'),
    last: whoisConn.nullable().describe('If nobody has it now: who had it last.'),
    sinceMs: ms
      .nullable()
      .describe('Ended ones are known from here on; null if none were asked for.'),
    gaps: z
      .array(
        z.object({
          why: z.enum(['unknown', 'unfinished', 'lost']),
          fromMs: ms.nullable(),
          toMs: ms,
          records: count,
        }),
      )
      .describe('What is not known of the time asked for; docs/whois.md.'),
  })
  .meta({ id: 'Whois' }) satisfies z.ZodType<WhoisInfo>

export const WHOIS_OPERATIONS: Operation[] = [
  verbOperation('whois', {
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
  }),
]
