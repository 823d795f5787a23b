/** A connection of a client that speaks IPv6 to an RS that speaks IPv4. */

import type { Surroundings } from '../../src/control/threads/apply.ts'
import { SEED64_CONFIG } from './nd.ts'
import { type Out, Stand } from './stand.ts'

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
