/**
 * The config as the daemon uses it: a plain value, everything defaulted and normalised. It is made from YAML text in
 * one go: text -> values with places (text.ts) -> schema (schema.ts) -> what values say about each other
 * (consistency.ts) -> Config. Every mistake is reported, not only the first.
 */

import { readFileSync } from 'node:fs'
import { STATE_KEYS } from '../api/names.ts'
import type { Protocol } from '../api/protocols.ts'
import { type Mistake, Refused } from '../api/refused.ts'
import type {
  AnyForwarding,
  ProxyProtocol,
  SchedulerName,
  SynProxyWord,
  WhenDown,
} from '../api/words.ts'
import type { Hashing } from '../engine/asker.ts'
import { ConnTable } from '../engine/conn.ts'
import { UDP_TIMEOUTS, UdpState } from '../engine/udp-state.ts'
import { nearest } from '../see/text/nearest.ts'
import { aclOf, type ConfigAcl, type ConfigRate, listsOf, rateOf } from './acl-keys.ts'
import { armsOf, type ConfigArm, shareOf } from './arms.ts'
import { type ConfigCapture, captureOf } from './capture.ts'
import { type ConfigCheck, type ConfigPassive, configCheck, configPassive } from './check-keys.ts'
import { wholeLength } from './cidr.ts'
import { checkConfig } from './consistency.ts'
import { draftOf, keysAt } from './draft.ts'
import { lipsTowards } from './families.ts'
import { keptLists, ListFiles, type ReadList } from './list-files.ts'
import { type ConfigHttp, type ConfigUi, httpOf, uiOf } from './listeners.ts'
import type { ConfigHistory, LogFileOptions, LogOptions } from './log.ts'
import type { PackedList } from './prefix-lists.ts'
import { moduleOf, type SchedulerModule } from './scheduler-module.ts'
import { bytesOf, type ConfigFile, fileSchema } from './schema.ts'
import { type ConfigMatch, snatOf } from './snat.ts'
import { lipsOfServices } from './snat-addresses.ts'
import { type ConfigSource, ConfigValue, found } from './source.ts'
import { type ConfigSynProxy, configSynProxy, serviceSynProxy } from './syn-proxy-keys.ts'
import { ConfigText } from './text.ts'

export interface ConfigRealServer {
  address: string
  port: number
  /** 0 drains. */
  weight: number
  /** Connections that it may have, 0 for any number; full, it is used again below the lower one, or below the upper. */
  upperThreshold: number
  lowerThreshold: number
  /** It is checked by nobody, and takes connections only while no other RS of the service has a weight. */
  backup: boolean
  /** How its new connections reach it. */
  forwarding: AnyForwarding
}

export interface ConfigService {
  protocol: Protocol
  /** Of a match service what it goes by (match.ts), with port 0. */
  address: string
  port: number
  /** Only of a match service, whose real servers are addresses of ours. */
  match?: ConfigMatch
  scheduler: SchedulerName
  /** What a scheduler that hashes goes by. */
  hashing: Hashing
  /** A scheduler of the operator's own, which is asked before that one. */
  module: SchedulerModule | null
  /** The LIPs it may use; without any it takes no connection. */
  localAddresses: string[]
  /** Seconds; 0 when the service has none of its own. */
  connTimeout: number
  check: ConfigCheck
  passive: ConfigPassive | null
  /** Seconds for which a client keeps its RS, 0 for not at all; clients are told apart by `prefix` bits. */
  persistence: { timeout: number; prefix: number }
  /** What happens to a SYN, or a datagram of no connection, that no real server can take; all: while none is up, each is taken for up. */
  whenDown: WhenDown
  /** Each datagram has an RS and an lport of its own, which go back behind it (semantics 4.3). */
  onePacket: boolean
  /** The RS that a connection ID of QUIC names is chosen before any other (semantics 8.5). */
  quic: boolean
  /** Which header tells real servers the client, in place of TOA and UOA (semantics 3.8). */
  proxyProtocol: ProxyProtocol
  /** Whether SYNs are answered by cookies (semantics 2.8), and SYNs in a second above which `auto` does. */
  synProxy: SynProxyWord
  synProxyAbove: number
  /** Whom it takes. */
  acl: ConfigAcl
  /** New connections in a second, of all clients and of each; null for any number. */
  connectionRate: ConfigRate | null
  clientRate: ConfigRate | null
  realServers: ConfigRealServer[]
}

export interface ConfigLog extends LogOptions {
  /** Where a line per closed connection goes; null for nowhere. A path of `-` is the log itself. */
  sessions: LogFileOptions | null
}

export interface Config {
  arms: ConfigArm[]
  services: ConfigService[]
  /** Match services. */
  snat: ConfigService[]
  /** Prefixes by the name of their list. */
  lists: Record<string, PackedList>
  workers: { count: number; steering: ConfigFile['workers']['steering'] }
  connections: {
    /** Of all workers together; a power of two. */
    tableSize: number
    /** Half-open ones make room for new ones when lports or the table run short. */
    makeRoom: boolean
    /** Of what is short, the part that one client address may have: 0 to 1, where 1 is any number. */
    clientShare: number
  }
  tcp: {
    toa: ConfigFile['tcp']['toa']
    bareAck: ConfigFile['tcp']['bare_ack']
    reuse: ConfigFile['tcp']['reuse']
    /** Segments move only what their numbers and checksum allow; false: anything, as in DPVS. */
    strict: boolean
    /** Bytes. */
    windowMost: number
    xmitTtl: boolean
    /** Seconds, in the order of State in tcp-state.ts. */
    timeouts: number[]
    synProxy: ConfigSynProxy
  }
  udp: {
    /** How the RS is told the client's address (semantics 4.2), and in how many datagrams of a connection. */
    uoa: ConfigFile['udp']['uoa']
    uoaMaxTrail: number
    /** Seconds, in the order of UdpState in udp-state.ts. */
    timeouts: number[]
  }
  neighbours: { timeout: number; unresQueueLength: number }
  /** Datagrams that are put together at once, and seconds that each may take. */
  fragments: { datagrams: number; timeout: number }
  log: ConfigLog
  history: ConfigHistory
  capture: ConfigCapture
  /** drain: seconds that connections get to end at SIGTERM. */
  control: { socket: string; drain: number; http: ConfigHttp | null; ui: ConfigUi | null }
  /** What is allowed and looks like a mistake, each with its place. */
  warnings: string[]
  /** The same, each with the name of the service in place of it: that stays when others come and go. */
  named: string[]
  /** The value that all of this was made of, defaults filled in. */
  file: ConfigFile
}

/** What it says, without where it comes from. */
export type ConfigValues = Omit<Config, 'warnings' | 'named' | 'file'>

export class ConfigError extends Refused {
  /** `FILE:LINE:COL path: what was expected, what was found`, in the order of the file. */
  override readonly problems: string[]

  constructor(problems: string[], mistakes?: Mistake[]) {
    super('mistakes', problems.join('\n'), { problems, ...(mistakes && { mistakes }) })
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Throws ConfigError with every mistake in `text`; `file` is the name that they carry. */
export function parseConfig(text: string, file: string): Config {
  const source = new ConfigText(text, file)
  if (source.broken) throw new ConfigError(source.problems)
  return checked(source)
}

/** The same of a value, as a file would hold it. With `lists`, those of files are these, and no file is read. */
export function configOf(value: unknown, lists?: Readonly<Record<string, PackedList>>): Config {
  return checked(new ConfigValue(value), lists && keptLists(lists))
}

function checked(source: ConfigSource, read?: ReadList): Config {
  const files = new ListFiles(read)
  const parsed = fileSchema.safeParse(source.value)
  for (const issue of parsed.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        source.unknownKey(issue.path, key, nearest(key, keysAt(issue.path)))
    } else {
      const value = source.valueAt(issue.path)
      source.problem(issue.path, `expected ${issue.message}, found ${found(value)}`)
    }
  }
  const draft = draftOf(source.value)
  const remarks = draft ? checkConfig(draft, source, files) : { warnings: [], named: [] }

  const problems = source.problems
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems, source.mistakes)
  return { ...normalise(parsed.data, files), ...remarks, file: parsed.data }
}

/** parseConfig of a file; throws ConfigError as well when it cannot be read. */
export function readConfig(file: string): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder' : message
    throw new ConfigError([`${file}: ${why}; expected a config like config/lab.yaml`])
  }
  return parseConfig(text, file)
}

function normalise(file: ConfigFile, files: ListFiles): ConfigValues {
  const arms = armsOf(file.arms)
  const all = arms.flatMap(arm => arm.localAddresses)
  const lips = lipsOfServices(all, file.snat)
  return {
    arms,
    lists: listsOf(file, files),
    snat: snatOf(file.snat, arms),
    services: file.services.map(service => ({
      protocol: service.protocol,
      address: service.address,
      port: service.port,
      scheduler: service.scheduler,
      hashing: {
        fallback: service.hash_fallback,
        port: service.hash_port,
        byId: service.hash_target === 'qid',
      },
      module: service.scheduler_module ? moduleOf(service.scheduler_module) : null,
      localAddresses: service.local_addresses ?? lipsTowards(service, lips),
      connTimeout: service.conn_timeout ?? 0,
      check: configCheck(service.check),
      passive: service.passive ? configPassive(service.passive) : null,
      persistence: {
        timeout: service.persistence ?? 0,
        prefix: service.persistence_prefix ?? wholeLength(service.address),
      },
      whenDown: service.when_down,
      onePacket: service.one_packet,
      quic: service.quic,
      proxyProtocol: service.proxy_protocol,
      ...serviceSynProxy(service),
      acl: aclOf(service),
      connectionRate: rateOf(service, 'connection'),
      clientRate: rateOf(service, 'client'),
      realServers: service.real_servers.map(rs => ({
        address: rs.address,
        port: rs.port ?? service.port,
        weight: rs.weight,
        upperThreshold: rs.upper_threshold,
        lowerThreshold: rs.lower_threshold,
        backup: rs.backup,
        forwarding: rs.forwarding,
      })),
    })),
    workers: file.workers,
    connections: {
      tableSize: ConnTable.capacityFor(file.connections.table_size),
      makeRoom: file.connections.make_room,
      clientShare: shareOf(file.connections.client_share),
    },
    tcp: tcpOf(file.tcp),
    udp: udpOf(file.udp),
    fragments: file.fragments,
    neighbours: {
      timeout: file.neighbours.timeout,
      unresQueueLength: file.neighbours.unres_queue_length,
    },
    log: logOf(file.log),
    history: { ...file.history, file: file.history.file ?? null, size: bytesOf(file.history.size) },
    capture: captureOf(file.capture),
    control: { ...file.control, http: httpOf(file.control.http), ui: uiOf(file.control.ui) },
  }
}

function udpOf({ uoa, uoa_max_trail, timeouts }: ConfigFile['udp']): Config['udp'] {
  const seconds = [...UDP_TIMEOUTS] as number[]
  seconds[UdpState.ONEWAY] = timeouts.oneway
  seconds[UdpState.NORMAL] = timeouts.normal
  return { uoa, uoaMaxTrail: uoa_max_trail, timeouts: seconds }
}

function logOf({ file, sessions, ...log }: ConfigFile['log']): ConfigLog {
  return { ...log, file: logFileOf(file), sessions: logFileOf(sessions) }
}

function logFileOf(file: ConfigFile['log']['file']): LogFileOptions | null {
  if (file === undefined) return null
  return { path: file.path, maxBytes: bytesOf(file.max_size), keep: file.keep }
}

function tcpOf(tcp: ConfigFile['tcp']): Config['tcp'] {
  return {
    toa: tcp.toa,
    bareAck: tcp.bare_ack,
    reuse: tcp.reuse,
    strict: tcp.strict === 'on',
    windowMost: bytesOf(tcp.window_most),
    xmitTtl: tcp.xmit_ttl,
    timeouts: STATE_KEYS.map(state => tcp.timeouts[state]),
    synProxy: configSynProxy(tcp.syn_proxy),
  }
}
