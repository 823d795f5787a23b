/**
 * The JSON of dpvs-agent's API v2, by the names that controllers know it by (semantics 8.1). What comes in is
 * read generously: unknown keys are passed over, and Go's null for an empty list is one.
 */

import * as z from 'zod'
import { address, whole } from '../../../api/fields.ts'
import { SECONDS_MAX, WEIGHT_MAX } from '../../../api/limits.ts'
import {
  DEFAULT_SCHEDULER,
  oneOf,
  PROXY_PROTOCOLS,
  type ProxyProtocol,
  SCHEDULER_NAMES,
} from '../../../api/words.ts'

const count = z.int().min(0)
const items = <T extends z.ZodType>(item: T) => z.object({ Items: z.array(item) })
const itemsIn = <T extends z.ZodType>(item: T) =>
  z.object({ Items: z.array(item, 'a list').nullish() }, 'an object with Items')

const flag = z.boolean('true or false').nullish()

export const errorText = z.string().meta({ id: 'AgentError' })

export const stats = z
  .object({
    Conns: count,
    InPkts: count,
    InBytes: count,
    OutPkts: count,
    OutBytes: count,
    Cps: count,
    InPps: count,
    InBps: count,
    OutPps: count,
    OutBps: count,
  })
  .meta({ id: 'AgentStats' })

/** How real servers are reached, in its words. */
export const MODES = {
  ...{ fullnat: 'FNAT', nat: 'NAT', dr: 'DR', tunnel: 'TUNNEL' },
  snat: 'SNAT',
} as const

const rsFields = {
  ip: address,
  port: whole(0, 65_535),
  weight: whole(0, WEIGHT_MAX),
  mode: z.enum(['FNAT', 'SNAT', 'DR', 'TUNNEL', 'NAT']),
  inhibited: z.boolean('true or false'),
  overloaded: z.boolean('true or false'),
}

/** In a request, all but the address may be left out. */
export const rsIn = z
  .object(
    {
      ip: rsFields.ip,
      port: rsFields.port.nullish().describe("0 or none: the service's."),
      weight: rsFields.weight.nullish().describe('None: 1, or what an existing one has.'),
      mode: z
        .enum([...Object.values(MODES), ''], oneOf(Object.values(MODES)))
        .nullish()
        .describe('None: FNAT, or what an existing one has.'),
      inhibited: flag,
      overloaded: flag,
    },
    'an object with ip',
  )
  .meta({ id: 'AgentServerSpec' })

export const rsListIn = itemsIn(rsIn)
export type RsIn = z.output<typeof rsIn>

const rsOut = z.object({ Spec: z.object(rsFields), Stats: stats }).meta({ id: 'AgentServer' })
export const rsListOut = items(rsOut)

const range = { Start: z.string(), End: z.string() }
const matchOut = z
  .object({
    Src: z.object(range),
    Dest: z.object(range),
    InIfName: z.string(),
    OutIfName: z.string(),
  })
  .meta({ id: 'AgentMatch' })
const rangeIn = z
  .object(
    { Start: z.string('an address').nullish(), End: z.string('an address').nullish() },
    'an object with Start and End',
  )
  .nullish()
const armIn = z.string('the name of an arm').nullish()
export const matchIn = z
  .object({ Src: rangeIn, Dest: rangeIn, InIfName: armIn, OutIfName: armIn }, 'an object')
  .nullish()

export const vsOut = z
  .object({
    Af: count,
    Proto: count,
    Addr: z.string(),
    Port: count,
    SchedName: z.string(),
    Flags: z.string(),
    Fwmark: count,
    SynProxy: z.enum(['true', 'false']),
    ExpireQuiescent: z.enum(['true', 'false']),
    Quic: z.enum(['true', 'false']),
    ProxyProto: count,
    Timeout: count,
    ConnTimeout: count,
    Netmask: count,
    Bps: count,
    LimitProportion: count,
    Match: matchOut.exactOptional(),
    Version: z.string().describe('Of the set of real servers; see rs/health.'),
    DestCheck: z.array(z.string()),
    Stats: stats,
    RSs: rsListOut,
  })
  .meta({ id: 'AgentService' })
export const vsListOut = items(vsOut)

/** What DPVS has and this has not is taken only if it is off. */
const off = (what: string) => z.literal([false, null], `false: there is no ${what}`).optional()
const zero = (what: string) => z.literal([0, null], `0: there is no ${what}`).optional()

const AGENT_PROXY = ['disable', ...PROXY_PROTOCOLS.slice(1)] as [
  'disable',
  ...Exclude<ProxyProtocol, 'off'>[],
]

export const vsIn = z
  .object(
    {
      SchedName: z
        .enum([...SCHEDULER_NAMES, ''], oneOf(SCHEDULER_NAMES))
        .nullish()
        .describe(`Default ${DEFAULT_SCHEDULER}.`),
      ConnTimeout: whole(0, SECONDS_MAX).nullish().describe('Seconds; 0: none of its own.'),
      Timeout: whole(0, SECONDS_MAX).nullish().describe('Seconds of persistence; 0: none.'),
      Fwmark: zero('service by mark'),
      SynProxy: z.boolean('true or false').nullish().describe('Of TCP; default false.'),
      ExpireQuiescent: off('expiry of quiescent connections'),
      Quic: z.boolean('true or false').nullish().describe('Of UDP; default false.'),
      ProxyProtocol: z
        .enum([...AGENT_PROXY, ''], oneOf(AGENT_PROXY))
        .nullish()
        .describe('Default disable; UDP has v2 alone.'),
      LimitProportion: z
        .int()
        .refine(value => value <= 0 || value >= 100, '0 or 100: there is no limit by proportion')
        .nullish(),
      Match: matchIn.describe('Of a service by SNAT, with port 0 in the path.'),
      Bps: z.int().nullish().describe('Taken and without effect.'),
    },
    'an object',
  )
  .meta({ id: 'AgentServiceSpec' })

export const laddrIn = z
  .object({ addr: address, device: z.string('the name of an arm') }, 'an object')
  .meta({ id: 'AgentLipSpec' })
export const laddrListOut = items(
  z.object({
    af: count,
    addr: z.string(),
    device: z.string(),
    conns: count,
    portConflict: count,
  }),
)

const aclItem = z.object(
  {
    addr: z.string('an address or network').nullish(),
    ipset: z.string('the name of an ipset').nullish(),
  },
  'an object with addr or ipset',
)
export const aclListIn = itemsIn(aclItem).meta({ id: 'AgentAclSpec' })
export const aclListOut = items(z.object({ addr: z.string(), ipset: z.string() }))

/** Ours are not of one type: addresses and networks of both families are in one. */
const ipsetType = z.enum(['hash:ip', 'hash:net'], oneOf(['hash:ip', 'hash:net']))
const memberIn = z.object(
  {
    Entry: z.string('an address or network'),
    Options: z.object({ NoMatch: off('member that does not match') }).nullish(),
  },
  'an object with Entry',
)
export const ipsetIn = z
  .object(
    { Type: ipsetType.nullish(), Entries: z.array(memberIn, 'a list').nullish() },
    'an object with Entries',
  )
  .meta({ id: 'AgentIpsetSpec' })
export const ipsetCell = z
  .object({ Type: ipsetType.nullish(), Member: memberIn }, 'an object with Member')
  .meta({ id: 'AgentIpsetCell' })
export const ipsetAnswer = z.boolean().describe('It does.')
export const ipsetOut = z
  .object({
    Name: z.string(),
    Type: ipsetType,
    Entries: z.array(z.object({ Entry: z.string() })),
  })
  .meta({ id: 'AgentIpset' })
export const ipsetListOut = z.object({ Count: count, Infos: z.array(ipsetOut) })

export const vlanListOut = items(
  z.object({
    device: z.string().describe('The arm whose device carries it.'),
    id: count,
    name: z.string().describe('The arm of this VLAN.'),
  }),
)

export const nicListOut = items(
  z.object({
    detail: z.object({
      ID: count,
      name: z.string(),
      addr: z.string().describe('Its MAC.'),
      status: z.enum(['UP', 'DOWN']),
      MTU: count,
      nRxQ: count,
      nTxQ: count,
    }),
    stats: z
      .object({
        id: count,
        inPkts: count,
        outPkts: count,
        inBytes: count,
        outBytes: count,
        inMissed: count,
        outErrors: count,
      })
      .exactOptional(),
  }),
)

export const addrIn = z
  .object({ addr: z.string('an address, with or without /LENGTH') }, 'an object with addr')
  .meta({ id: 'AgentAddressSpec' })
export const addrListOut = items(z.object({ addr: z.string(), scope: z.string() }))

export const routeIn = z
  .object(
    {
      dst: z.string('a network, like 192.0.2.0/24, or default'),
      gateway: z.string('an address').nullish(),
    },
    'an object with dst',
  )
  .meta({ id: 'AgentRouteSpec' })
export const routeListOut = items(
  z.object({
    dst: z.string(),
    gateway: z.string().exactOptional(),
    device: z.string(),
    scope: z.string(),
    mtu: count,
    metric: count,
  }),
)
