/**
 * Every drop reason: which rule refused the frame, with the values that failed it, and what to do about it. The rules are
 * those of the engine, applied once more to the header that was kept; the compiler sees that no reason is without one.
 */

import type { Drop } from '../../engine/counters.ts'
import { ipv4Int } from '../../wire/address.ts'
import { fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { flagLetters } from '../frame/options-text.ts'
import { flagNames } from '../words/trace-words.ts'
import { type DropContext, listed, Refused, type RefusedFrame } from './drop-context.ts'
import { type Explanation, hex, L2_RULES, type Rule } from './drop-rules-l2.ts'

export type { DropContext } from './drop-context.ts'
export type { Explanation } from './drop-rules-l2.ts'

export type DropReason = Lowercase<keyof typeof Drop>

const RULES: Record<DropReason, Rule> = {
  ...L2_RULES,

  ip_source: frame => ({
    rule: sourceRule(frame),
    advice: `if ${frame.src} is a real client, set the route to it (tapvs dpip route add NET/LEN dev ${frame.arm}); else find who forges it: ${frame.srcMac}`,
  }),

  ip_too_big: frame => {
    const { ip, tcp } = frame.headers
    const { gsoSize } = frame.vnet
    const headers = (ip?.header ?? 0) + (tcp?.header ?? 0)
    const cut = gsoSize > 0 && (tcp?.payload ?? 0) > gsoSize
    const bytes = cut ? headers + gsoSize : (ip?.total ?? 0)
    const small = frame.context.arms.filter(({ name, mtu }) => name !== frame.arm && mtu < bytes)
    const arm = small[0] ?? { name: 'the other arm', mtu: 0 }
    return {
      rule: `${bytes} bytes of IP, and the MTU of ${arm.name} is ${arm.mtu}`,
      advice: `give ${arm.name} a larger mtu (arms[].mtu), or the sender ${frame.src} a smaller one; the MSS of the handshake should have kept it from this`,
    }
  },

  tcp_header: frame => {
    const { ip, tcp } = frame.headers
    const bytes = ip === null ? 0 : ip.total - ip.header
    return {
      rule:
        tcp === null || bytes < 20
          ? `${bytes} bytes of TCP, its header alone has 20`
          : `the data offset says ${tcp.header} bytes of header; the packet has ${bytes}, the least are 20`,
      advice: `nothing to be done here; ${frame.src} sends it`,
    }
  },

  tcp_checksum: frame => ({
    rule: tcpChecksumRule(frame),
    advice: `the segment was spoilt on its way, or ${frame.srcMac} leaves checksums to a card that has none: ethtool -K DEVICE tx off there; many of them and a forger is at work; impair.corrupt of ${frame.arm} does it too`,
  }),

  tcp_no_service: frame => {
    if (frame.isLip(frame.dst)) {
      return {
        rule: `${frame.to} is an lport of ours, and no connection from it to ${frame.from} is left`,
        advice: `a real server that speaks after the end: tapvs explain conn ${frame.to}; longer timeouts: tapvs ipvsadm --set TCP FIN UDP`,
      }
    }
    const services = frame.context.services.map(({ address, port }) => `${address}:${port}`)
    return {
      rule: `destination ${frame.to} is no service; services are ${listed(services)}`,
      advice: `if it is to be one: tapvs ipvsadm -A -t ${frame.to} -s wrr; else a scan by ${frame.src}`,
    }
  },

  tcp_no_conn: frame => {
    const flags = frame.headers.tcp?.flags ?? 0
    const bareAck = flagNames(flags) === 'ACK' && frame.context.settings.bareAck !== 'rst'
    return {
      rule: `flags are [${flagLetters(flags)}], no connection ${frame.from} > ${frame.to} is there, and only a SYN opens one`,
      advice: `it has ended or timed out, or never was: tapvs explain conn ${frame.from}${bareAck ? '; tcp.bare_ack: rst tells such clients' : ''}`,
    }
  },

  tcp_no_rs: frame => {
    const all = frame.service?.real_servers ?? []
    const first = `${all[0]?.address}:${all[0]?.port}`
    const states = all.map(rs => {
      const conns = rs.active_conns + rs.inactive_conns
      const full = rs.upper_threshold > 0 && conns >= rs.upper_threshold
      if (rs.backup) return `${rs.address}:${rs.port} weight ${rs.weight}, backup`
      const why = rs.inhibited ? ', its check fails' : full ? `, full with ${conns}` : ''
      return `${rs.address}:${rs.port} weight ${rs.weight}${why}`
    })
    return {
      rule:
        all.length === 0
          ? `service ${frame.to} has no real server`
          : `no real server of ${frame.to} takes connections: ${listed(states)}`,
      advice:
        all.length === 0
          ? `tapvs ipvsadm -a -t ${frame.to} -r RS:PORT -b -w 100`
          : `tapvs ipvsadm -e -t ${frame.to} -r ${first} -b -w 100; when_down: reject tells clients at once`,
    }
  },

  tcp_no_lip: frame => ({
    rule: `service ${frame.to} has no LIP to connect to real servers from`,
    advice: `tapvs ipvsadm -P -z LIP -t ${frame.to} -F ARM; or local_addresses of the arm, which serve all that name none`,
  }),

  conn_table_full: ({ context: { conns }, from }) => ({
    rule: `the SYN of ${from} found ${conns.capacity} places for connections, all in use (${conns.used} now)`,
    advice:
      'connections.table_size in the config, and a restart; shorter timeouts free places sooner',
  }),

  lport_exhausted: frame => {
    const lips = frame.service?.local_addresses.map(({ address }) => address) ?? []
    const lports = frame.context.addresses.filter(({ address }) => lips.includes(address))
    const states = lports.map(lip => `${lip.address} ${lip.lports?.misses ?? 0} misses`)
    return {
      rule: `every LIP of ${frame.to} is out of lports towards each real server that takes connections: ${listed(states)}`,
      advice: `one more LIP: tapvs ipvsadm -P -z LIP -t ${frame.to} -F ARM; or more real servers, each has lports of its own`,
    }
  },

  neigh_table_full: frame => ({
    rule: `no place among the neighbours for the next hop ${frame.nextHop(frame.dst)}`,
    advice: 'reach real servers by a gateway (arms[].routes) and not each by ARP',
  }),

  neigh_queue_full: frame => ({
    rule: `${frame.context.settings.unresQueueLength + 1} frames wait for the MAC of ${frame.nextHop(frame.dst)} already`,
    advice: `find out why ${frame.nextHop(frame.dst)} is silent: tapvs dpip neigh show; neighbours.unres_queue_length lets more wait`,
  }),

  neigh_unresolved: frame => ({
    rule: `${frame.nextHop(frame.dst)} never answered the ARP of ${frame.arm}, and the frame to ${frame.dst} waited for it`,
    advice: `is ${frame.nextHop(frame.dst)} alive and on the network of ${frame.arm}? arping there; a fixed MAC: tapvs dpip neigh add ${frame.nextHop(frame.dst)} lladdr MAC dev ${frame.arm}`,
  }),

  tx_queue_full: frame => ({
    rule: `the queue of ${frame.arm} was full: who reads behind it is too slow (${frame.ends})`,
    advice: `ip link set DEVICE txqueuelen 10000 on ${frame.arm}, or more CPU for what is behind it`,
  }),

  tx_arm_down: frame => ({
    rule: `${frame.arm} was down or gone, and the frame ${frame.ends} had to leave on it`,
    advice: `ip link set ${frame.arm} up in its namespace; the log and tapvs doctor have the whole command, tapvs dpip link show says what is not up`,
  }),

  tx_error: frame => ({
    rule: `the kernel refused to take the frame of ${frame.length} bytes on ${frame.arm}`,
    advice:
      'tapvs doctor; the virtio-net header and the offloads of the device do not fit each other',
  }),

  no_buffer: frame => ({
    rule: `half of the frame buffers wait for next hops already, so the frame to ${frame.nextHop(frame.dst)} could not`,
    advice: `find out why next hops are silent: tapvs dpip neigh show; a smaller neighbours.unres_queue_length keeps one from taking all`,
  }),

  impaired: frame => ({
    rule: `lost on purpose: impair.loss of ${frame.arm} is ${frame.context.settings.loss[frame.arm] ?? 'gone from the config'}`,
    advice: `arms[].impair in the config, which is for labs only`,
  }),

  hand_over_full: frame => ({
    rule: `another worker owns ${frame.ends}, and it is too far behind to take the frame`,
    advice:
      'steering by BPF spares the hand-over: tapvs doctor says what it needs; fewer workers than CPUs',
  }),

  stopping: frame => ({
    rule: `the SYN of ${frame.from} came while the daemon lets its connections end`,
    advice:
      'nothing; control.drain says for how long, and another balancer should have the VIP by now',
  }),
}

/** Names of the frame's form: as it came, or as it was to leave. */
const LEAVING: ReadonlySet<DropReason> = new Set([
  'neigh_table_full',
  'neigh_queue_full',
  'neigh_unresolved',
  'no_buffer',
  'tx_queue_full',
  'tx_arm_down',
  'tx_error',
])

/** True if the kept header is the translated one: it was refused on its way out. */
export function wasLeaving(reason: DropReason): boolean {
  return LEAVING.has(reason)
}

/** Why a frame was refused. `bytes` are its first ones from the Ethernet header on, `vnet` the 10 in front. */
export function explainDrop(
  reason: DropReason,
  frame: RefusedFrame,
  context: DropContext,
): Explanation {
  return RULES[reason](new Refused(frame, context))
}

/** Of a segment that is longer than what was kept of it nobody can say any more what the checksum should be. */
function tcpChecksumRule(frame: Refused): string {
  const { ip, l4 } = frame.headers
  const bytes = ip === null ? 0 : ip.total - ip.header
  const has = `the TCP checksum is 0x${hex(u16(frame.bytes, l4 + TCP.CHECKSUM))}`
  if (ip === null || l4 + bytes > frame.bytes.length)
    return `${has}, and its ${bytes} bytes have another`
  const copy = frame.bytes.slice(0, l4 + bytes)
  copy.fill(0, l4 + TCP.CHECKSUM, l4 + TCP.CHECKSUM + 2)
  const view = new DataView(copy.buffer)
  const pseudo = pseudoSum(ipv4Int(frame.src), ipv4Int(frame.dst), PROTO.TCP, bytes)
  return `${has}, would be 0x${hex(~fold(pseudo + sumWords(view, l4, bytes)))}`
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** The order is that of the engine: a connection's end on the wrong arm, and what cannot be a client. */
function sourceRule(frame: Refused): string {
  const { src, arm } = frame
  const top = Number(src.split('.')[0])
  if (top === 0 || top === 127)
    return `source ${src} is of a network that no wire carries (${top}/8)`
  if (top >= 224) return `source ${src} is a group's or reserved, not a single host's`
  const ours = frame.ours(src)
  if (ours !== undefined) return `source ${src} is ${ours}`
  const back = frame.armTowards(src)
  if (back !== undefined && back !== arm) {
    return `source ${src} came in on ${arm}, and the route to it leads out of ${back}`
  }
  return `source ${src} came in on ${arm}, and its connection ${frame.from} > ${frame.to} is at home on another arm`
}
