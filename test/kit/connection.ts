/** The one connection that tests of translation and of drops speak of, and a stand on which it is open. */

import assert from 'node:assert/strict'
import { ipv4Int } from '../../src/wire/address.ts'
import { concat, type TcpFields, tcpFrame, vnetHeader } from './frame.ts'
import { SEED6_CONFIG } from './nd.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, STAND_ISN, STAND_START, Stand } from './stand.ts'

/** The client's arm and the RSs', as SEED_CONFIG names them. */
export const WAN = 'dpdk0'
export const LAN = 'dpdk1'

/** The seed of each family, and its ends: `own` is the address on the RSs' arm. */
export const SEEDS = {
  IPv4: {
    ...{ seed: SEED_CONFIG, client: '202.108.10.2', vip: '202.108.10.1' },
    ...{ own: '192.168.168.3', rip: '192.168.168.2' },
  },
  IPv6: {
    ...{ seed: SEED6_CONFIG, client: '2001:db8:10::2', vip: '2001:db8:10::1' },
    ...{ own: '2001:db8:168::3', rip: '2001:db8:168::2' },
  },
} as const

/** A seed whose RS is reached by this way. */
export const forwardedBy = (way: string, seed = SEED_CONFIG) =>
  seed.replace('weight: 100', `$&, forwarding: ${way}`)

/** 'in' is from the client to the RS. */
export type Dir = 'in' | 'out'
export const ARM: Record<Dir, string> = { in: WAN, out: LAN }

const [LIP, RIP] = ['192.168.168.7', '192.168.168.2']

export const CLIENT: TcpFields = {
  src: '202.108.10.2',
  sport: 33_896,
  dst: '202.108.10.1',
  dport: 6379,
  flags: '.',
  seq: 1001,
  ack: 9001,
}
export const SYN: TcpFields = { ...CLIENT, flags: 'S', seq: 1000, ack: 0 }
/** To the first lport of a stand that has opened nothing else, and acknowledging its SYN if that came in the first minute. */
export const RS: TcpFields & { ack: number } = {
  src: RIP,
  sport: 6379,
  dst: LIP,
  dport: 1025,
  flags: '.',
  seq: 9001,
  ack: (STAND_ISN.choose(ipv4Int(LIP), ipv4Int(RIP), (6379 << 16) | 1025, STAND_START) + 1) >>> 0,
}

/** The frame of a segment of the connection, without virtio-net header: what tests corrupt, pad or offload. */
export function frameOf(stand: Stand, dir: Dir, change: Partial<TcpFields>): Uint8Array {
  const [ends, srcMac, arm] = dir === 'in' ? [CLIENT, CLIENT_MAC, WAN] : [RS, RS_MAC, LAN]
  return tcpFrame({ srcMac, ...ends, ...change, dstMac: stand.macOf(arm) })
}

/** Lines of a config: half-open connections keep what they have, and a client may have all. */
export const FIRST_COME = '\nconnections: { make_room: false, client_share: 100% }\n'

const whole = (frame: Uint8Array) => concat(vnetHeader(), frame)

/** A stand behind the handshake, whose frames come as `handOver` makes them: a kernel may leave checksums partial. */
export function established(config = SEED_CONFIG, handOver = whole): Stand {
  const stand = new Stand(config).resolveRss()
  const pass = (dir: Dir, change: Partial<TcpFields>) => {
    const out = stand.inputRaw(ARM[dir], handOver(frameOf(stand, dir, change)))
    assert.equal(out.length, 1, stand.verdictName())
    const [{ decoded }] = out
    assert.ok(decoded.kind === 'tcp')
    return decoded
  }
  const { seq } = pass('in', SYN)
  pass('out', { flags: 'S.', seq: 9000, ack: seq + 1 })
  pass('in', {})
  return stand
}

/** Sends the SYN only: the connection waits for the RS's answer. */
export function open(stand: Stand): void {
  stand.segment(WAN, SYN)
}

/** Opens a connection from each of `count` client ports, from `first` on. */
export const openMany =
  (count: number, first = 10_000) =>
  (stand: Stand) => {
    for (let i = 0; i < count; i++) {
      stand.segment(WAN, { ...SYN, sport: first + i })
      assert.equal(stand.verdictName(), 'arm 1')
    }
  }
