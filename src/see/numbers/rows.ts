/** What `tapvs top` and the page show of one moment, per second where it is counted. */

import type { TrafficInfo } from '../../api/commands.ts'
import type { LinkState } from '../../api/link-state.ts'
import type { AnyForwarding } from '../../api/words.ts'
import type { LipRow } from './lports.ts'
import type { Quantiles } from './quantiles.ts'

/** Of a real server, or of all of a service's. */
export interface BalancedRow {
  weight: number
  /** Takes new connections. */
  usable: boolean
  active: number
  inactive: number
  /** Per second. */
  rates: TrafficInfo
}

export interface RsRow extends BalancedRow {
  rs: string
  /** How its new connections reach it. */
  forwarding: AnyForwarding
  /** Why the health checks keep it from new connections; null if they do not. */
  reason: string | null
}

export interface ServiceRow extends BalancedRow {
  service: string
  scheduler: string
  /** Workers that answer its SYNs by cookies now. */
  synProxyWorkers: number
  realServers: RsRow[]
}

export interface DropRow {
  reason: string
  total: number
  perSecond: number
}

/** Numbers per second, bits and frames; `worker` null for all of them together. */
export interface ArmRow extends LinkState {
  arm: string
  worker: number | null
  rxBits: number
  txBits: number
  rxPackets: number
  txPackets: number
  drops: number
}

export interface Moment {
  atMs: number
  /** What the rates are taken over. */
  seconds: number
  version: string
  pid: number
  upSec: number
  workers: number
  conns: { used: number; capacity: number; opened: number; states: Record<string, number> }
  frames: { free: number; slots: number }
  services: ServiceRow[]
  lips: LipRow[]
  drops: DropRow[]
  arms: ArmRow[]
  handshakes: { rs: Quantiles | null; client: Quantiles | null }
  /** What is wrong, the worst first, one line each. */
  problems: string[]
}
