/** ICMP errors that are refused for what they quote. */

import { LAN, open, RS, WAN } from './connection.ts'
import { checksummed, type ErrorFields, icmpError } from './datagram.ts'
import { type Case, frame } from './drop.ts'
import { ipv4 } from './frame.ts'
import { parseIcmp } from './icmp-notation.ts'
import { SEED_CONFIG } from './stand.ts'

/** What the RS would say of a packet of the one connection. */
const ABOUT = { src: RS.src, dst: RS.dst, sport: RS.sport, dport: RS.dport }
const error = (change: Partial<ErrorFields>) =>
  frame(icmpError({ about: ABOUT, type: 3, code: 3, seq: RS.ack, ...change }), LAN)
const quote = (name: string, change: Partial<ErrorFields>): Case => ({
  name: `quoted: ${name}`,
  drop: 'ICMP_QUOTE',
  arm: LAN,
  before: open,
  bytes: error(change),
})

/** A ping of a host inside, whose match service has no address to go out by. */
const ping = (id: number) => {
  const message = checksummed(Uint8Array.of(8, 0, 0, 0, 0, id, 0, 1))
  return frame(ipv4({ src: '192.168.168.2', dst: '202.108.10.2', protocol: 1 }, message), LAN)
}
const NO_WAY_OUT = `${SEED_CONFIG}
snat: [{ protocol: icmp, source: 192.168.168.0/24, in: dpdk1, out: dpdk0 }]
`

export const ICMP_DROPS: Case[] = [
  {
    name: 'a ping to a match service without addresses, behind 50 that were told',
    drop: 'ICMP_NO_RS',
    arm: LAN,
    config: NO_WAY_OUT,
    before: stand => {
      for (let id = 1; id <= 50; id++) stand.inputRaw(LAN, ping(id))
    },
    bytes: ping(51),
  },
  quote('7 bytes behind the IP header', { bytes: 7 }),
  quote('a later fragment', { fragment: 1 }),
  quote('a packet of GRE', { protocol: 47 }),
  quote("somebody else's packet", { dst: '192.168.168.3' }),
  {
    name: 'error whose checksum is wrong by a bit',
    drop: 'ICMP_CHECKSUM',
    arm: LAN,
    before: open,
    bytes: error({}).map((byte, at, { length }) => (at === length - 1 ? byte ^ 1 : byte)),
  },
  {
    name: 'about a packet of no connection',
    drop: 'ICMP_NO_CONN',
    arm: LAN,
    bytes: error({}),
  },
  {
    name: 'about a ping of no connection',
    drop: 'ICMP_NO_CONN',
    arm: LAN,
    bytes: frame(
      parseIcmp(
        '192.168.168.2 > 192.168.168.7: ICMP 3/1, about icmp 192.168.168.7 > 192.168.168.2, echo request, id 1025, seq 1',
      ),
      LAN,
    ),
  },
  {
    name: 'about a datagram of no connection',
    drop: 'ICMP_NO_CONN',
    arm: LAN,
    before: open,
    bytes: error({ protocol: 17 }),
  },
  {
    name: 'that quotes a number far ahead',
    drop: 'ICMP_SEQUENCE',
    arm: LAN,
    before: open,
    bytes: error({ seq: RS.ack + 2 ** 24 + 1 }),
  },
  {
    name: 'about a packet to the client before the RS has sent one',
    drop: 'ICMP_SEQUENCE',
    arm: WAN,
    before: open,
    bytes: frame(
      icmpError({
        about: { src: '202.108.10.2', dst: '202.108.10.1', sport: 33_896, dport: 6379 },
        type: 3,
        seq: 0,
      }),
    ),
  },
  {
    name: 'redirect about a connection',
    drop: 'ICMP_TYPE',
    arm: LAN,
    before: open,
    bytes: error({ type: 5, code: 1 }),
  },
  {
    name: 'from the side on which the quoted packet never was',
    drop: 'IP_SOURCE',
    arm: WAN,
    before: open,
    bytes: frame(icmpError({ about: ABOUT, type: 3, src: '192.168.168.254' })),
  },
]
