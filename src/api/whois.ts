/** Who is behind an address that an RS sees, as the API answers it. */

import * as z from 'zod'
import { anyForwarding, anyProtocol } from './fields.ts'

const count = z.int().min(0)
const ms = z.number().describe('ms since 1970.')

export const whoisConn = z
  .object({
    worker: count,
    protocol: anyProtocol,
    client: z.string().describe('address:port, as the next three.'),
    vip: z.string(),
    lip: z.string().describe('Of nat, dr and tunnel the client itself: the real server sees that.'),
    rs: z.string(),
    forwarding: anyForwarding.describe('How the real server gets, or got, its packets.'),
    check: z.boolean().describe('The client is a health check of the balancer itself.'),
    opened_ms: ms
      .nullable()
      .describe('Of its SYN or first datagram; null if the history and the session log are off.'),
    state: z.string().describe('Now, or when it ended.'),
    ended: z
      .object({ at_ms: ms, last_ms: ms.describe('Of its last packet.'), how: z.string() })
      .nullable()
      .describe('null while it lives; docs/logs.md has the ways to end.'),
  })
  .meta({ id: 'WhoisConn' })

export const whois = z
  .object({
    as: z.enum(['lip', 'client']).describe('What the address was taken for.'),
    lips: z.array(z.string()).describe('All LIPs that there are.'),
    conns: z.array(whoisConn).describe('The oldest first.'),
    more: z.boolean().describe('There are more, older ones.'),
    last: whoisConn.nullable().describe('If nobody has it now: who had it last.'),
    since_ms: ms
      .nullable()
      .describe('Ended ones are known from here on; null if none were asked for.'),
    gaps: z
      .array(
        z.object({
          why: z.enum(['unknown', 'unfinished', 'lost']),
          from_ms: ms.nullable(),
          to_ms: ms,
          records: count,
        }),
      )
      .describe('What is not known of the time asked for; docs/whois.md.'),
  })
  .meta({ id: 'Whois' })
