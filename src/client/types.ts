/** What goes into the API and what comes out, as the schemas of its operations say. */

import type * as z from 'zod'
import type * as answers from '../api/answers.ts'
import type * as network from '../api/network.ts'
import type { Protocol } from '../api/protocols.ts'
import type * as services from '../api/service-bodies.ts'
import type * as statistics from '../api/statistics.ts'
import type * as upgrades from '../api/upgrade.ts'
import type * as whois from '../api/whois.ts'

export type { Edit } from '../api/edits.ts'
export type { DaemonEvent, EventData, EventName } from '../api/events.ts'
export type { Refusal, RefusalKind } from '../api/refused.ts'
export type { Moment } from '../see/moments/moment.ts'

export type Traffic = z.output<typeof answers.traffic>
export type RealServer = z.output<typeof answers.realServer>
export type LocalAddress = z.output<typeof answers.localAddress>
export type Service = z.output<typeof answers.service>
export type Ipset = z.output<typeof answers.ipset>
export type IpsetPage = z.output<typeof answers.ipsetPage>
export type Conn = z.output<typeof answers.conn>
export type ConnPage = z.output<typeof answers.connPage>
export type Whois = z.output<typeof whois.whois>
export type WhoisConn = z.output<typeof whois.whoisConn>
export type Address = z.output<typeof answers.addressInfo>
export type Route = z.output<typeof answers.route>
export type Neighbour = z.output<typeof answers.neighbour>
export type Arm = z.output<typeof statistics.arm>
export type Counters = z.output<typeof statistics.counters>
export type Edge = z.output<typeof statistics.edge>
export type Drop = z.output<typeof statistics.drop>
export type Numbers = z.output<typeof statistics.numbers>
export type Plan = z.output<typeof answers.plan>
export type Cut = z.output<typeof answers.cut>
export type Timeouts = z.output<typeof answers.timeouts>
export type LogLevel = z.output<typeof answers.level>
export type LogLevels = z.output<typeof answers.logLevel>
export type LogModule = z.output<typeof answers.module>
export type Page = z.output<typeof answers.ui>
export type Recorder = z.output<typeof answers.recorder>
export type Upgrade = z.output<typeof upgrades.upgrade>
export type UpgradeRequest = z.input<typeof upgrades.upgradeBody>
export type Pong = z.output<typeof answers.pong>

export type NewService = z.input<typeof services.newService>
export type ServiceChange = z.input<typeof services.serviceChange>
export type NewServer = z.input<typeof services.newServer>
export type ServerChange = z.input<typeof services.serverChange>
export type NewLip = z.input<typeof services.newLip>
export type NewAddress = z.input<typeof network.newAddress>
export type NewRoute = z.input<typeof network.newRoute>
export type NewNeighbour = z.input<typeof network.newNeighbour>
export type NewTimeouts = z.input<typeof network.newTimeouts>

/** Names a service. */
export interface ServiceRef {
  protocol?: Protocol
  address: string
  port: number
}

/** Names a real server of a service. */
export interface ServerRef {
  address: string
  port: number
}

/** Whose connections are meant: LIP:lport, or a client's. */
export interface WhoisQuestion {
  address: string
  port: number
  /** ADDRESS or ADDRESS:PORT of the only RS meant. */
  rs?: string
  /** A moment of the past; now if left out. */
  from?: Date
  /** The end of a time that begins with `from`. */
  to?: Date
}

/** Of every change. */
export interface How {
  /** Only say what it would do. */
  dryRun?: boolean
}

/** The events that came after the one asked for are not known any more: ask for the state anew. */
export interface Missed {
  event: 'missed'
}
