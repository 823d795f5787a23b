/**
 * What the API asks the daemon, verb by verb, and what it answers: the types of verb-table.ts and answers.ts. Nothing here
 * loads a library, so the command line and the page may use all of it.
 */

import type * as z from 'zod'
import type * as answers from './answers.ts'
import type { Refusal } from './refused.ts'
import type * as statistics from './statistics.ts'
import type { VerbTable } from './verb-table.ts'
import type { VerbName } from './verbs.ts'
import type * as whois from './whois.ts'

export type { VerbName }

/** Where the daemon listens and the command line asks, unless they are told otherwise. */
export const DEFAULT_SOCKET = '/run/tapvs/tapvs.sock'

/** Where the page is, on 127.0.0.1. */
export const UI_PORT = 9080

export type TrafficInfo = z.output<typeof answers.traffic>
export type LocalAddressInfo = z.output<typeof answers.localAddress>
export type RealServerInfo = z.output<typeof answers.realServer>
export type ServiceInfo = z.output<typeof answers.service>
export type ConnInfo = z.output<typeof answers.conn>
export type ConnPage = z.output<typeof answers.connPage>
export type IpsetInfo = z.output<typeof answers.ipset>
export type LportInfo = z.output<typeof answers.lports>
export type AddressInfo = z.output<typeof answers.addressInfo>
export type NeighbourInfo = z.output<typeof answers.neighbour>
export type RouteInfo = z.output<typeof answers.route>
export type PlanInfo = z.output<typeof answers.plan>
export type ArmInfo = z.output<typeof statistics.arm>
export type HandshakeInfo = z.output<typeof statistics.handshakes>
export type CountersInfo = z.output<typeof statistics.counters>
export type EdgeInfo = z.output<typeof statistics.edge>
export type RefusedInfo = z.output<typeof statistics.refused>
export type DropInfo = z.output<typeof statistics.drop>
export type ProcessInfo = z.output<typeof statistics.processInfo>
export type WorkerNumbers = z.output<typeof statistics.workerNumbers>
export type NumbersInfo = z.output<typeof statistics.numbers>
export type RecorderInfo = z.output<typeof answers.recorder>
export type WhoisConn = z.output<typeof whois.whoisConn>
export type WhoisEnd = NonNullable<WhoisConn['ended']>
export type WhoisInfo = z.output<typeof whois.whois>
export type WhoisGap = WhoisInfo['gaps'][number]

/** Every verb with its arguments and its answer. */
export type Verbs = {
  [V in VerbName]: {
    args: ArgsOf<VerbTable[V]>
    answer: z.output<VerbTable[V]['answer']>
  }
}
type ArgsOf<R> = R extends { query: infer S extends z.ZodType }
  ? Given<z.output<S>>
  : R extends { body: infer S extends z.ZodType }
    ? Given<z.output<S>>
    : object
/** Without keys, an object type of zod's would not even let `verb` in. */
type Given<T> = keyof T extends never ? object : string extends keyof T ? object : T

/** A union over the verbs, so that a look at `verb` tells the arguments. */
export type Request<V extends VerbName = VerbName> = V extends VerbName
  ? { verb: V } & Verbs[V]['args']
  : never
export type Answer<V extends VerbName = VerbName> = { ok: Verbs[V]['answer'] } | Refusal

export type WhoisArgs = Verbs['whois']['args']
