/**
 * Inputs for the fuzzer: valid frames of a living conversation, frames with a few things wrong, and noise, from one
 * seeded generator. Much of what it does to a frame is followed by making the IP checksum right again, for otherwise
 * nearly everything would be turned away there.
 */

import { datagram, icmpError, offloadUdp, udp } from './datagram.ts'
import {
  arpFrame,
  checksum,
  concat,
  ethernet,
  ipv4,
  offload,
  tcpFrame,
  vnetHeader,
} from './frame.ts'
import { parseOptions } from './notation.ts'
import { CLIENT_MAC, RS_MAC, type Stand } from './stand.ts'

const OPTIONS = [
  '',
  'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7',
  'nop,nop,TS val 1 ecr 2',
  'nop,nop,sack 1 {1:2}',
  'nop,nop,TS val 1 ecr 2,nop,nop,sack 3 {1:2}{3:4}{5:6}',
  'exp-1234 01020304',
  'nop,exp-1234 01020304,nop,nop,nop',
]
const FLAGS = ['S', 'S', '.', '.', 'P.', 'S.', 'F.', 'R', '']

export interface Input {
  arm: number
  /** virtio-net header and frame. */
  bytes: Uint8Array
}

export class Mutator {
  #state: number
  readonly #templates: Input[]
  #last: Input | undefined

  constructor(seed: number, stand: Stand) {
    this.#state = seed
    this.#templates = templates(stand)
  }

  /** mulberry32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * bound)
  }

  /** The last input, to put into a test of its own. */
  hex(): string {
    const { arm, bytes } = this.#last as Input
    return `arm ${arm} ${[...bytes].map(b => b.toString(16).padStart(2, '0')).join('')}`
  }

  next(): Input {
    const template = this.#templates[this.below(this.#templates.length)]
    const arm = this.below(50) === 0 ? 1 - template.arm : template.arm
    let bytes: Uint8Array = template.bytes.slice()
    const kind = this.below(10)
    if (kind === 0) bytes = this.#noise(bytes)
    else if (kind > 2) {
      for (let times = 1 + this.below(3); times > 0; times--) bytes = this.#mutate(bytes)
      if (this.below(4) > 0) repair(bytes)
    }
    this.#last = { arm, bytes }
    return this.#last
  }

  /** Random bytes of random length, half of them behind a good Ethernet header. */
  #noise(bytes: Uint8Array): Uint8Array {
    const noise = Uint8Array.from({ length: 10 + this.below(120) }, () => this.below(256))
    if (this.below(2)) noise.set(bytes.subarray(0, Math.min(noise.length, 24)))
    return noise
  }

  #mutate(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.length)
    switch (this.below(9)) {
      case 0: // flip a bit anywhere
        bytes[at] ^= 1 << this.below(8)
        break
      case 1: // cut
        return bytes.slice(0, Math.max(10, at))
      case 2: // pad
        return concat(
          bytes,
          Uint8Array.from({ length: this.below(60) }, () => this.below(256)),
        )
      case 3: // lie about a length: IHL, total length, data offset
        if (this.below(3) === 0) put(bytes, 24, 0x40 | this.below(16))
        else if (this.below(2)) put(bytes, 26 + this.below(2), this.below(256))
        else put(bytes, 56, this.below(256))
        break
      case 4: // garbage where options may be
        for (let i = 64; i < 104; i++) if (this.below(3) === 0) put(bytes, i, this.below(12))
        put(bytes, 56, (5 + this.below(11)) << 4)
        break
      case 5: // a random virtio-net header
        for (let i = 0; i < 10; i++) if (this.below(2)) bytes[i] = this.below(256)
        break
      case 6: // one that is nearly right
        bytes.set([
          this.below(4),
          this.below(6),
          0,
          0,
          this.below(256),
          this.below(8),
          34,
          0,
          16,
          0,
        ])
        break
      case 7: // any byte of the headers
        put(bytes, 10 + this.below(54), this.below(256))
        break
      default: // other ends, other flags
        put(bytes, 44 + this.below(4), this.below(256))
        put(bytes, 57, this.below(64))
    }
    return bytes
  }
}

function put(bytes: Uint8Array, at: number, value: number): void {
  if (at < bytes.length) bytes[at] = value
}

function repair(bytes: Uint8Array): void {
  const header = (bytes[24] & 15) * 4
  if (bytes.length < 24 + 20 || bytes.length < 24 + header || header < 20) return
  bytes.set([0, 0], 34)
  const sum = checksum(bytes.subarray(24, 24 + header))
  bytes.set([sum >> 8, sum & 255], 34)
}

function templates(stand: Stand): Input[] {
  const [wan, lan] = [stand.macOf('dpdk0'), stand.macOf('dpdk1')]
  const list: Input[] = []
  const payload = new Uint8Array(30).fill(7)
  for (const text of OPTIONS) {
    const options = text === '' ? new Uint8Array() : parseOptions(text)
    for (const flags of FLAGS) {
      const common = {
        flags,
        seq: 5,
        ack: 9,
        options,
        payload: flags === 'P.' ? payload : new Uint8Array(),
      }
      for (let port = 0; port < 3; port++) {
        const client = { src: '202.108.10.2', sport: 4096 + port, dst: '202.108.10.1', dport: 6379 }
        const rs = { src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 1025 + port }
        const up = tcpFrame({ ...client, ...common, srcMac: CLIENT_MAC, dstMac: wan })
        const down = tcpFrame({ ...rs, ...common, srcMac: RS_MAC, dstMac: lan })
        const wrap = port === 2 ? offload : (frame: Uint8Array) => concat(vnetHeader(), frame)
        list.push({ arm: 0, bytes: wrap(up) }, { arm: 1, bytes: wrap(down) })
      }
    }
  }
  const large = { flags: '.', seq: 5, ack: 9, payload: new Uint8Array(3000) }
  const ends = { src: '202.108.10.2', sport: 4096, dst: '202.108.10.1', dport: 6379 }
  const gso = offload(tcpFrame({ ...ends, ...large, srcMac: CLIENT_MAC, dstMac: wan }), 1000)
  const several = datagram({ ...ends, payload: new Uint8Array(2500) })
  const datagrams = offloadUdp(ethernet(wan, CLIENT_MAC, 0x0800, several), 1000)
  const echo = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0)
  const ping = ipv4({ src: '202.108.10.2', dst: '202.108.10.1', protocol: 1 }, echo)
  const plain = [
    [0, ethernet(wan, CLIENT_MAC, 0x0800, ping)],
    [
      0,
      arpFrame(1, { mac: CLIENT_MAC, ip: '202.108.10.2' }, { mac: wan, ip: '202.108.10.1' }, wan),
    ],
    [1, arpFrame(1, { mac: RS_MAC, ip: '192.168.168.2' }, { mac: lan, ip: '192.168.168.7' }, lan)],
    [1, arpFrame(2, { mac: RS_MAC, ip: '192.168.168.2' }, { mac: lan, ip: '192.168.168.3' }, lan)],
  ] as [number, Uint8Array][]
  plain.push(...others(wan, lan))
  for (let copies = 0; copies < 8; copies++) {
    list.push({ arm: 0, bytes: gso }, { arm: 0, bytes: datagrams })
    for (const [arm, frame] of plain) list.push({ arm, bytes: concat(vnetHeader(), frame) })
  }
  return list
}

/** UDP, and ICMP errors about what leaves on either arm. */
function others(wan: string, lan: string): [number, Uint8Array][] {
  const client = { src: '202.108.10.2', dst: '202.108.10.1', sport: 4096, dport: 6379 }
  const rs = { src: '192.168.168.2', dst: '192.168.168.7', sport: 6379, dport: 1025 }
  const options = Uint8Array.of(1, 1, 1, 0)
  const payload = new Uint8Array(1480)
  return [
    [0, ethernet(wan, CLIENT_MAC, 0x0800, udp(client))],
    [0, ethernet(wan, CLIENT_MAC, 0x0800, udp(client, options))],
    [0, ethernet(wan, CLIENT_MAC, 0x0800, datagram({ ...client, checksum: 0, payload }))],
    [0, ethernet(wan, CLIENT_MAC, 0x0800, icmpError({ about: client, type: 3, code: 3 }))],
    [0, ethernet(wan, CLIENT_MAC, 0x0800, icmpError({ about: client, type: 5, options }))],
    [1, ethernet(lan, RS_MAC, 0x0800, udp(rs))],
    [1, ethernet(lan, RS_MAC, 0x0800, icmpError({ about: rs, type: 3, code: 4, protocol: 17 }))],
    [1, ethernet(lan, RS_MAC, 0x0800, icmpError({ about: rs, type: 11, src: '192.168.168.9' }))],
  ]
}
