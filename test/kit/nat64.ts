/** A connection of a client that speaks IPv6 to an RS that speaks IPv4. */

import assert from 'node:assert/strict'
import type { Surroundings } from '../../src/control/threads/apply.ts'
import { type DecodedTcp, decode } from './decode.ts'
import { concat, ethernet, offload, type TcpFields, tcpFrame, vnetHeader } from './frame.ts'
import { SEED64_CONFIG } from './nd.ts'
import { CLIENT_MAC, type Out, RS_MAC, Stand } from './stand.ts'

export const WAN = 'dpdk0'
export const LAN = 'dpdk1'
export const CLIENT = { host: '2001:db8:10::2', port: 4000 }
export const VIP = { host: '2001:db8:10::1', port: 6379 }
export const LIP = '192.168.168.7'
export const RS = { host: '192.168.168.2', port: 6379 }

/** Its client has sent bytes 2 and on, and its RS 70 and on. */
export function established64(config = SEED64_CONFIG, around: Partial<Surroundings> = {}) {
  const stand = new Stand(config, undefined, around).resolveRss()
  const ends = `${CLIENT.host}.4000 > ${VIP.host}.6379:`
  const { sport: lport, seq } = stand.forward(WAN, `${ends} Flags [S], seq 1, win 100, length 0`)
  const back = `${RS.host}.6379 > ${LIP}.${lport}:`
  stand.forward(LAN, `${back} Flags [S.], seq 69, ack ${seq + 1}, win 100, length 0`)
  stand.forward(WAN, `${ends} Flags [.], seq 2, ack 70, win 100, length 0`)
  return { stand, lip: { host: LIP, port: lport }, delta: seq - 1 }
}

/** From the IP header on; that its checksum is right the stand has seen. */
export function packetOf(out: Out | undefined): Buffer {
  return Buffer.from(out?.bytes.subarray(24) ?? [])
}

export const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 31) & 255)

/** What it is to a strict receiver. */
export function judged(packet: Uint8Array): DecodedTcp {
  const type = (packet[0] ?? 0) >> 4 === 6 ? 0x86dd : 0x0800
  return decode(concat(vnetHeader(), ethernet(CLIENT_MAC, RS_MAC, type, packet))) as DecodedTcp
}

/** A stand with such a connection, and its segments. */
export class Rig {
  readonly stand: Stand
  readonly lport: number
  readonly seq: number

  constructor(config = SEED64_CONFIG) {
    const { stand, lip, delta } = established64(config)
    this.stand = stand
    this.lport = lip.port
    this.seq = (2 + delta) >>> 0
  }

  frame(dir: 'in' | 'out', change: Partial<TcpFields>): Uint8Array {
    const arm = dir === 'in' ? WAN : LAN
    const macs = { srcMac: dir === 'in' ? CLIENT_MAC : RS_MAC, dstMac: this.stand.macOf(arm) }
    const ends =
      dir === 'in'
        ? { src: CLIENT.host, dst: VIP.host, sport: CLIENT.port, dport: VIP.port, seq: 2, ack: 70 }
        : {
            src: RS.host,
            dst: '192.168.168.7',
            sport: RS.port,
            dport: this.lport,
            seq: 70,
            ack: this.seq,
          }
    return tcpFrame({ ...macs, ...ends, flags: '.', ...change })
  }

  send(dir: 'in' | 'out', change: Partial<TcpFields>, gsoSize?: number): DecodedTcp {
    const frame = this.frame(dir, change)
    const arm = dir === 'in' ? WAN : LAN
    const out =
      gsoSize === undefined
        ? this.stand.input(arm, frame)
        : this.stand.inputRaw(arm, offload(frame, gsoSize))
    assert.equal(out.length, 1, this.stand.verdictName())
    assert.equal(out[0].arm, dir === 'in' ? LAN : WAN)
    return out[0].decoded as DecodedTcp
  }
}
