/**
 * A conversation through a loop whose arms are sockets, between clients and real servers that there are not: the code of a packet's
 * path has run before packets wait for it. Whatever answers here is made of the frame that came.
 */

import type { Engine } from '../../engine/engine.ts'
import { Family } from '../../engine/family.ts'
import { FlightRing } from '../../engine/flight.ts'
import { BURST } from '../../engine/frames.ts'
import { rowOf } from '../../engine/prefix-rows.ts'
import { buildTable } from '../../engine/prefix-table.ts'
import { DestCell } from '../../engine/service.ts'
import type { Exchange } from '../../io/exchange.ts'
import { socketPair } from '../../io/hold.ts'
import { Loop } from '../../io/loop.ts'
import {
  attach,
  type Burst,
  closeFd,
  createWaker,
  readBurst,
  wake,
  writeBurst,
} from '../../io/native.ts'
import type { Port } from '../../io/port.ts'
import { TapPort } from '../../io/tap-port.ts'
import { Watch } from '../../io/watch.ts'
import { ipv4Int } from '../../wire/address.ts'
import { fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE, writeEthernet } from '../../wire/ethernet.ts'
import { IPV4, headerLength as ipLength, PROTO, writeIpv4 } from '../../wire/ipv4.ts'
import { FLAG, TCP, headerLength as tcpLength } from '../../wire/tcp.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import type { Built } from './apply.ts'

/** Turns of the loop, in each of which a client begins: some 10,000 segments, in some 100 ms. */
const ROUNDS = 400
/** Clients of which one goes on to talk: the others are there, and no more. */
const SILENT = 16
/** A network for tests of devices (RFC 2544), and any port. */
const CLIENT = ipv4Int('198.18.0.1')
const PORT = 20_000
const MAC_HI = 0x0200
const SLOT = 2048
const FLIGHT_CELLS = 4096
const PAYLOAD = 6
/** Names of lists that no config gives: those are paths, or name a service. */
const [NONE, ALL] = ['none', 'all']
/** Nobody comes to so many. */
const ANY = { perSecond: 1e6, burst: 1e6 }

/** The far end of an arm. */
class FarEnd {
  readonly #fd: number
  readonly #pkt = new DataView(new ArrayBuffer(BURST * SLOT))
  readonly #desc = Int32Array.from({ length: BURST * 2 }, (_, i) => (i < BURST ? i * SLOT : 0))
  readonly #burst: Burst

  constructor(fd: number) {
    this.#fd = fd
    this.#burst = attach(new Uint8Array(this.#pkt.buffer), this.#desc, null)
  }

  /** Answers each segment that has come. => how many */
  answer(): number {
    const count = Math.max(0, readBurst(this.#burst, this.#fd, 0, BURST, SLOT))
    let answered = 0
    for (let i = 0; i < count; i++) {
      const bytes = answer(this.#pkt, i * SLOT)
      if (bytes === 0) continue
      this.#desc[BURST + i] = bytes
      writeBurst(this.#burst, this.#fd, i, 1)
      answered++
    }
    return answered
  }

  /** The first segment of a client. */
  begin(macHi: number, macLo: number, vip: number, vport: number, client: number): void {
    const eth = VNET.BYTES
    const tcp = eth + ETH.HEADER + IPV4.HEADER
    writeEthernet(this.#pkt, eth, macHi, macLo, MAC_HI, client, ETHERTYPE.IPV4)
    this.#pkt.setUint16(tcp + TCP.SPORT, PORT + client)
    this.#pkt.setUint16(tcp + TCP.DPORT, vport)
    this.#pkt.setInt32(tcp + TCP.SEQ, client << 12)
    this.#pkt.setInt32(tcp + TCP.ACK, 0)
    this.#desc[BURST] = segment(this.#pkt, 0, [CLIENT + (client & 7), vip], FLAG.SYN, 0)
    writeBurst(this.#burst, this.#fd, 0, 1)
  }
}

/** => bytes of the answer, in place of the frame; 0 for what gets none */
function answer(pkt: DataView, at: number): number {
  const eth = at + VNET.BYTES
  const ip = eth + ETH.HEADER
  if (pkt.getUint16(eth + ETH.TYPE) !== ETHERTYPE.IPV4) return 0
  if (pkt.getUint8(ip + IPV4.PROTOCOL) !== PROTO.TCP) return 0
  const came = ip + ipLength(pkt, ip)
  const flags = pkt.getUint8(came + TCP.FLAGS)
  if ((flags & FLAG.RST) !== 0) return 0
  const header = ipLength(pkt, ip) + tcpLength(pkt, came)
  const payload = pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - header
  const [sport, dport] = [pkt.getUint16(came + TCP.SPORT), pkt.getUint16(came + TCP.DPORT)]
  // Only what says something is answered.
  if (payload === 0 && (flags & FLAG.SYN) === 0) return 0
  const [seq, ack] = [pkt.getInt32(came + TCP.SEQ), pkt.getInt32(came + TCP.ACK)]
  const [src, dst] = [pkt.getInt32(ip + IPV4.SRC), pkt.getInt32(ip + IPV4.DST)]
  const opens = (flags & FLAG.SYN) !== 0
  const [hi, lo] = [pkt.getUint16(eth + ETH.SRC), pkt.getInt32(eth + ETH.SRC + 2)]
  const [ownHi, ownLo] = [pkt.getUint16(eth + ETH.DST), pkt.getInt32(eth + ETH.DST + 2)]
  writeEthernet(pkt, eth, hi, lo, ownHi, ownLo, ETHERTYPE.IPV4)
  const tcp = ip + IPV4.HEADER
  pkt.setUint16(tcp + TCP.SPORT, dport)
  pkt.setUint16(tcp + TCP.DPORT, sport)
  pkt.setInt32(tcp + TCP.SEQ, (flags & FLAG.ACK) === 0 ? 1 : ack)
  pkt.setInt32(tcp + TCP.ACK, (seq + payload + (opens ? 1 : 0)) | 0)
  if (opens && (flags & FLAG.ACK) === 0) return segment(pkt, at, [dst, src], FLAG.SYN | FLAG.ACK, 0)
  const talks = !opens || dport % SILENT === 0
  return segment(pkt, at, [dst, src], FLAG.PSH | FLAG.ACK, talks ? PAYLOAD : 0)
}

/** Around ports and numbers that are written already. => bytes of the frame */
function segment(
  pkt: DataView,
  at: number,
  [src, dst]: readonly [number, number],
  flags: number,
  payload: number,
): number {
  const ip = at + VNET.BYTES + ETH.HEADER
  const tcp = ip + IPV4.HEADER
  const bytes = TCP.HEADER + payload
  clearVnetHdr(pkt, at)
  writeIpv4(pkt, ip, PROTO.TCP, IPV4.HEADER + bytes, src, dst)
  pkt.setUint8(tcp + TCP.OFFSET, (TCP.HEADER << 2) & 0xf0)
  pkt.setUint8(tcp + TCP.FLAGS, flags)
  pkt.setUint16(tcp + TCP.WINDOW, 0xffff)
  pkt.setInt32(tcp + TCP.CHECKSUM, 0)
  const sum = pseudoSum(src, dst, PROTO.TCP, bytes) + sumWords(pkt, tcp, bytes)
  pkt.setUint16(tcp + TCP.CHECKSUM, ~fold(sum))
  return tcp + bytes - at
}

/** With an engine of its own, that is set up, and whose arms have no devices; while it `goesOn` is asked for. => segments that got through and were answered */
export function rehearse(
  { engine }: Built,
  exchange: Exchange | null,
  goesOn = () => true,
): number {
  const { arms, frames, counters, setup, neighs, dests } = engine
  takeEverybody(engine)
  const pairs = arms.map(() => socketPair())
  const waker = createWaker()
  const flight = new FlightRing(
    new SharedArrayBuffer(FlightRing.bytesFor(FLIGHT_CELLS)),
    FLIGHT_CELLS,
  )
  const watch = new Watch(flight, engine)
  const ports: Port[] = arms.map((arm, i) => {
    const port = new TapPort(arm, { impair: null, ring: null, watch }, frames, counters)
    port.take((pairs[i] as [number, number])[0], true)
    return port
  })
  const hooks = { control: () => false, armLost: () => {}, threw: () => {} }
  const loop = new Loop({ engine, ports, exchange, waker, watch, hooks })
  const ends = pairs.map(([, fd]) => new FarEnd(fd))
  for (const dest of dests.list) {
    if (dest === undefined) continue
    const at = dest.index << 4
    const [link, hop] = [DestCell.LINK, DestCell.NEXT_HOP].map(cell => dests.cells[at | cell])
    neighs.fix(link as number, hop as number, MAC_HI, 1, engine.neighTick)
  }
  // A scheduler of the operator's own is not to meet clients that there are not.
  const apart = new Set([...setup.modules()].map(([service]) => service))
  const tcp = setup.services
    .all()
    .filter(service => service.protocol === PROTO.TCP && !apart.has(service))
  let answered = 0
  try {
    for (let round = 0; round < ROUNDS && (round % 8 > 0 || goesOn()); round++) {
      const service = tcp[round % Math.max(1, tcp.length)]
      if (service) {
        const outer = arms.find(arm => arm.owns(Family.IPV4, service.vip)) ?? arms[0]
        if (outer)
          ends[outer.index]?.begin(outer.macHi, outer.macLo, service.vip, service.vport, round + 1)
      }
      wake(waker)
      loop.run()
      for (const end of ends) answered += end.answer()
    }
  } finally {
    for (const fd of [...pairs.flat(), waker]) closeFd(fd)
  }
  return answered
}

/**
 * Lists count what they meet in memory that the workers share, and lists and rates refuse clients that there are not, too. In their
 * place are others that refuse nobody, by the same code.
 */
function takeEverybody({ setup, long }: Engine): void {
  const { guards, services } = setup
  guards.lists.put(NONE, buildTable(new Int32Array()))
  guards.lists.put(ALL, buildTable(Int32Array.of(...rowOf(0, 0), ...rowOf([0, 0, 0, 0], 0))))
  for (const service of services.all()) {
    if (service.acl) guards.putAcl(service, { deny: [NONE], allow: [ALL], cuts: false })
    const { rate, clientRate } = service
    guards.limit(service, rate ? ANY : undefined, clientRate ? ANY : undefined, long.ms | 0)
  }
}
