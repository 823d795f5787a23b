/** Frames to begin with, of every kind that there is, made by the kit. */

import { datagram, icmpError, offloadUdp, udp } from '../../kit/datagram.ts'
import { echo, pieces } from '../../kit/fragments.ts'
import { arpFrame, concat, ethernet, ipv4, offload, tcpFrame, vnetHeader } from '../../kit/frame.ts'
import { parseOptions } from '../../kit/notation.ts'
import { connectionId, longHeader, shortHeader } from '../../kit/quic.ts'
import { CLIENT_MAC, RS_MAC, type Stand } from '../../kit/stand.ts'
import { CLIENTS, SERVERS } from './world.ts'

export const OPTIONS = [
  '',
  'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7',
  'nop,nop,TS val 1 ecr 2',
  'nop,nop,sack 1 {1:2}',
  'nop,nop,TS val 1 ecr 2,nop,nop,sack 3 {1:2}{3:4}{5:6}',
  'exp-1234 01020304',
  'nop,exp-1234 01020304,nop,nop,nop',
].map(text => (text === '' ? new Uint8Array() : parseOptions(text)))

export interface Given {
  /** CLIENTS or SERVERS. */
  side: number
  /** From the virtio-net header on. */
  bytes: Uint8Array
}

const CLIENT = { src: '202.108.10.2', sport: 4096, dst: '202.108.10.1', dport: 6379 }
const RS = { src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 1025 }
const VIP = '202.108.10.1'
const ID = connectionId({ address: '192.168.168.12', bytes: 2, port: 6379 })

/** `stand` says the MACs. */
export function seeds(stand: Stand): Given[] {
  const macs = [stand.macOf('dpdk0'), stand.macOf('dpdk1')]
  const frame = (side: number, packet: Uint8Array) =>
    ethernet(macs[side] as string, side === CLIENTS ? CLIENT_MAC : RS_MAC, 0x0800, packet)
  const plain = (side: number, packet: Uint8Array): Given => ({
    side,
    bytes: concat(vnetHeader(), frame(side, packet)),
  })
  return [
    ...segments(macs),
    ...[...neighbours(macs), ...large(macs)],
    ...[udp(CLIENT), udp(CLIENT, Uint8Array.of(1, 1, 1, 0))].map(packet => plain(CLIENTS, packet)),
    plain(CLIENTS, datagram({ ...CLIENT, checksum: 0, payload: new Uint8Array(1480) })),
    ...[shortHeader(ID), longHeader(ID)].map(payload =>
      plain(CLIENTS, datagram({ ...CLIENT, payload })),
    ),
    plain(CLIENTS, icmpError({ about: CLIENT, type: 3, code: 3 })),
    plain(CLIENTS, icmpError({ about: CLIENT, type: 5, options: Uint8Array.of(1, 1, 1, 0) })),
    plain(SERVERS, udp({ ...RS, sport: 53 })),
    plain(SERVERS, icmpError({ about: RS, type: 3, code: 4, protocol: 17 })),
    plain(SERVERS, icmpError({ about: RS, type: 11, src: '192.168.168.9' })),
    plain(SERVERS, icmpError({ about: RS, type: 3, code: 4, bytes: 40 })),
    plain(CLIENTS, echo({ bytes: 64, fragment: 0x4000 })),
    plain(CLIENTS, ipv4({ src: CLIENT.src, dst: VIP, protocol: 47 }, new Uint8Array(30))),
    ...pieces(echo({ bytes: 700 }), 280).map(piece => plain(CLIENTS, piece)),
    ...pieces(datagram({ ...CLIENT, df: false, payload: new Uint8Array(900) }), 316).map(piece =>
      plain(CLIENTS, piece),
    ),
  ]
}

function segments(macs: readonly string[]): Given[] {
  const list: Given[] = []
  for (const [i, options] of OPTIONS.entries()) {
    for (const flags of ['S', '.', 'P.', 'S.', 'F.', 'R', '']) {
      const payload = new Uint8Array(flags === 'P.' ? 30 : 0).fill(7)
      const common = { flags, seq: 5, ack: 9, options, payload }
      const [wan, lan] = macs as [string, string]
      const up = tcpFrame({ ...CLIENT, ...common, srcMac: CLIENT_MAC, dstMac: wan })
      const down = tcpFrame({ ...RS, ...common, srcMac: RS_MAC, dstMac: lan })
      const wrap = i % 3 === 2 ? offload : (bytes: Uint8Array) => concat(vnetHeader(), bytes)
      list.push({ side: CLIENTS, bytes: wrap(up) }, { side: SERVERS, bytes: wrap(down) })
    }
  }
  return list
}

function large([wan = '']: readonly string[]): Given[] {
  const ends = { ...CLIENT, srcMac: CLIENT_MAC, dstMac: wan }
  const many = { flags: '.', seq: 5, ack: 9, payload: new Uint8Array(3000) }
  const several = datagram({ ...CLIENT, payload: new Uint8Array(2500) })
  return [
    { side: CLIENTS, bytes: offload(tcpFrame({ ...ends, ...many }), 1000) },
    { side: CLIENTS, bytes: offloadUdp(ethernet(wan, CLIENT_MAC, 0x0800, several), 1000) },
    { side: CLIENTS, bytes: concat(vnetHeader(), tcpFrame({ ...ends, ...many, df: false })) },
  ]
}

function neighbours([wan = '', lan = '']: readonly string[]): Given[] {
  const client = { mac: CLIENT_MAC, ip: CLIENT.src }
  const arp = (side: number, frame: Uint8Array) => ({ side, bytes: concat(vnetHeader(), frame) })
  const answers = ['192.168.168.2', '192.168.168.12', '192.168.168.13'].map(ip =>
    arp(SERVERS, arpFrame(2, { mac: RS_MAC, ip }, { mac: lan, ip: '192.168.168.3' }, lan)),
  )
  return [
    arp(CLIENTS, arpFrame(1, client, { mac: wan, ip: VIP }, wan)),
    arp(SERVERS, arpFrame(1, { mac: RS_MAC, ip: RS.src }, { mac: lan, ip: RS.dst }, lan)),
    arp(CLIENTS, arpFrame(2, { mac: CLIENT_MAC, ip: VIP }, { mac: wan, ip: VIP }, wan)),
    ...answers,
  ]
}
