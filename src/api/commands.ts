/**
 * The verbs of the control: what the API (api/) asks the daemon, and what it answers. A request is
 * `{ "verb": ..., ...arguments }`; the answer is `{ "ok": value }` or `{ "error": "one line that says what to do" }`.
 * Addresses and states travel as text and numbers that need no knowledge of the engine.
 */

import type { Edit, ServiceKey } from './edits.ts'
import type { LinkState } from './link-state.ts'
import type { LogLevel, Module, ModuleLevels } from './log-levels.ts'
import type { Protocol } from './protocols.ts'
import type { WhoisArgs, WhoisInfo } from './whois-info.ts'
import type { WhenDown } from './words.ts'

/** Where the daemon listens and the command line asks, unless they are told otherwise. */
export const DEFAULT_SOCKET = '/run/tapvs/tapvs.sock'

/** Where the page is, on 127.0.0.1. */
export const UI_PORT = 9080

/** One real server in `services`. */
export interface RealServerInfo {
  address: string
  port: number
  weight: number
  /** Connections; 0 for no limit. */
  upperThreshold: number
  lowerThreshold: number
  /** Takes connections only while no other real server of the service has a weight. */
  backup: boolean
  activeConns: number
  inactiveConns: number
  /** The health checks keep it from new connections. */
  inhibited: boolean
  /** Why, in one line, while they do. */
  reason?: string
  stats: TrafficInfo
  /** The same per second, as of the last few seconds. */
  rates: TrafficInfo
}

/** Packets and bytes as on the wire, before translation (semantics 11). */
export interface TrafficInfo {
  conns: number
  inPackets: number
  outPackets: number
  inBytes: number
  outBytes: number
}

export interface ServiceInfo {
  protocol: Protocol
  address: string
  port: number
  scheduler: string
  /** seconds; 0 when the service has no timeout of its own */
  connTimeout: number
  /** Seconds for which a client keeps its RS, 0 for not at all; clients are told apart by `prefix` bits. */
  persistence: { timeout: number; prefix: number }
  /** What happens to a SYN while no real server can take it. */
  whenDown: WhenDown
  localAddresses: LocalAddressInfo[]
  realServers: RealServerInfo[]
}

/** A LIP as one service has it; lports and their connections are those of all services. */
export interface LocalAddressInfo {
  address: string
  arm: string
  /** SYNs that found no lport. */
  conflicts: number
  conns: number
}

export interface RouteInfo {
  to: string
  prefixLength: number
  via: string | null
  arm: string
  mtu: number
}

/** What a change of the config does, in words; nothing has been done if there is something in `restart`. */
export interface PlanInfo {
  steps: string[]
  /** Keys that only a restart changes. */
  restart: string[]
  warnings: string[]
}

export interface ConnInfo {
  worker: number
  protocol: Protocol
  /** The configured timeout of its state in whole seconds, not the time left (semantics 9.2). */
  timeoutSec: number
  /** Number of the state, see tcp-state.ts. */
  state: number
  /** address:port each */
  client: string
  vip: string
  lip: string
  rs: string
  /**
   * How far the client and the RS have come: the sequence numbers that the RS acknowledged last and sent last, modulo
   * 2^32, so that the difference of two looks is bytes. null until both ends have spoken.
   */
  seqs: [client: number, rs: number] | null
}

/** A bounded piece of the connection tables. */
export interface ConnPage {
  conns: ConnInfo[]
  /** What to give as `from` for the next piece; -1 when the table is done. */
  next: number
}

export interface AddressInfo {
  address: string
  prefixLength: number
  arm: string
  /** Only of a LIP. */
  lports?: LportInfo
  /** The same of each worker in the order of their numbers, which begin at 1. */
  lportsOfWorkers?: LportInfo[]
}

export interface LportInfo {
  used: number
  free: number
  misses: number
}

export interface NeighbourInfo {
  address: string
  /** aa:bb:..., or null while unresolved */
  mac: string | null
  /** NONE SEND REACHABLE PROBE DELAY */
  state: string
  arm: string
  worker: number
  static: boolean
}

export interface ArmInfo extends LinkState {
  name: string
  mac: string
  mtu: number
  /** Queues that are read; as many as workers where the kernel steers. */
  queues: number
  rxPackets: number
  rxBytes: number
  txPackets: number
  txBytes: number
  rxDrops: number
  txDrops: number
}

export interface CountersInfo {
  arms: ArmInfo[]
  /** Drop reasons by name; zeros included, so that scripts can rely on the keys. */
  drops: Record<string, number>
  events: Record<string, number>
  conns: { used: number; capacity: number }
  /** Connections by state, `established` and the like; zeros included. */
  states: Record<string, number>
  /** Neighbours by state, `reachable` and the like. */
  neighbours: Record<string, number>
  /** From a client's SYN to the RS's SYN+ACK, and to the client's ACK behind it. */
  handshakes: { rs: HandshakeInfo; client: HandshakeInfo }
  frames: { free: number; slots: number }
}

export interface HandshakeInfo {
  /** Handshakes by how long they took: up to HANDSHAKE_BOUNDS ms each, and the last one all that is longer. */
  buckets: number[]
  /** All of them together, ms. */
  sumMs: number
}

/** A cell of the state machine's tables that connections of this daemon have used. */
export interface EdgeInfo {
  /** Of the segment: `in` from the client, `out` from the RS. */
  direction: 'in' | 'out'
  /** What it was to the state machine; `none` had none of the four flags. */
  event: 'syn' | 'fin' | 'ack' | 'rst' | 'none'
  /** NONE ESTABLISHED ..., the same where it changes no state. */
  from: string
  to: string
  /** How often it was taken; 0 where it changes no state: then it is only known that it was taken. */
  count: number
  /** The last segment that took it, in words. */
  last: string | null
  /** ms since 1970. */
  lastMs: number | null
}

/** The last refused frames of a drop reason. */
export interface DropInfo {
  /** `tcp_no_conn` and the like. */
  reason: string
  count: number
  /** The newest first; at most eight of each worker. */
  last: RefusedInfo[]
}

export interface RefusedInfo {
  /** ms since 1970. */
  atMs: number
  worker: number
  /** That it came from, or that could not send it; null for a frame of our own that never got so far. */
  arm: string | null
  /** Bytes of the frame from the Ethernet header on, padding left out. */
  length: number
  /** Its first bytes from the Ethernet header on, at most 134, in hex. */
  bytes: string
  /** The virtio-net header in front of it, 10 bytes in hex. */
  vnet: string
}

export interface NumbersInfo {
  /** ms since 1970. */
  atMs: number
  process: ProcessInfo
  services: ServiceInfo[]
  addresses: AddressInfo[]
  /** In the order of the workers. */
  workers: WorkerNumbers[]
}

/** The counters of one worker. */
export interface WorkerNumbers {
  worker: number
  counters: CountersInfo
}

/** The daemon as the kernel sees it, all threads together. */
export interface ProcessInfo {
  version: string
  /** Of Node, v20.1.2. */
  node: string
  pid: number
  /** ms since 1970. */
  startedMs: number
  /** Seconds, user and system. */
  cpuSeconds: number
  residentBytes: number
  openFds: number
}

/** The flight recorder. */
export interface RecorderInfo {
  /** Kept on although nobody looks. */
  ring: boolean
  /** Who looks at present. */
  followers: number
  /** Bytes per frame that are recorded now. */
  snaplen: number
  /** Bytes of memory of each worker. */
  bytes: number
}

/**
 * Every verb with its arguments and its answer. `conns`, `neighbours` and `whois` are asked of the workers; the rest is control's own
 * knowledge, or counters in shared memory.
 */
export interface Verbs {
  routes: { args: object; answer: RouteInfo[] }
  /** The running state as a config file holds it, without defaults. */
  config: { args: object; answer: object }
  /** All of `edits` or none. */
  edit: { args: { edits: Edit[]; dry_run?: boolean }; answer: PlanInfo }
  /** A whole config, what a file holds; all of it or nothing. */
  apply: { args: { config: object; dry_run?: boolean }; answer: PlanInfo }
  /** Reads the daemon's own config file again and applies it. */
  reload: { args: object; answer: PlanInfo }
  /** Statistics begin at 0 again, of one service or all. */
  zero: { args: { service?: ServiceKey }; answer: null }
  /** Ends all connections of a real server at once, of one service or all; => how many there were. */
  cut: {
    args: { server: { address: string; port: number }; service?: ServiceKey }
    answer: { connections: number }
  }
  timeouts: { args: object; answer: Record<string, number> }
  services: { args: object; answer: ServiceInfo[] }
  conns: { args: { from: number; limit: number }; answer: ConnPage }
  whois: { args: WhoisArgs; answer: WhoisInfo }
  addresses: { args: object; answer: AddressInfo[] }
  neighbours: { args: object; answer: NeighbourInfo[] }
  counters: { args: object; answer: CountersInfo }
  /** Cells of the state machine that were used. */
  edges: { args: object; answer: EdgeInfo[] }
  /** The last refused frames by reason; of one reason, or of all that have any. */
  drops: { args: { reason?: string }; answer: DropInfo[] }
  /** Everything that can be counted, at one moment. */
  numbers: { args: object; answer: NumbersInfo }
  /** Sets the level of one module or of all; => the levels, of modules those that have their own. */
  log: {
    args: { level?: LogLevel; module?: Module }
    answer: { level: LogLevel; modules?: ModuleLevels }
  }
  /** Opens the files of the log anew, after somebody renamed them. */
  reopen: { args: object; answer: null }
  /** Where the page is, with its token; null if there is none. */
  ui: { args: object; answer: { url: string | null } }
  /** Keeps the flight recorder on although nobody looks, or no longer; => its state. */
  recorder: { args: { ring?: boolean }; answer: RecorderInfo }
  ping: { args: object; answer: { version: string; pid: number; workers: number } }
}

export type VerbName = keyof Verbs
/** A union over the verbs, so that a look at `verb` tells the arguments. */
export type Request<V extends VerbName = VerbName> = V extends VerbName
  ? { verb: V } & Verbs[V]['args']
  : never
export type Answer<V extends VerbName = VerbName> = { ok: Verbs[V]['answer'] } | { error: string }
