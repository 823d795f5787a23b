/**
 * A translator of addresses between two captures of different clocks, with losses, duplicates and late segments of its own: it
 * knows the truth that an analysis has to find out. Everything is drawn from one seed.
 */

import { arpFrame, concat, tcpFrame } from './frame.ts'
import type { Sent } from './pcap.ts'

export interface Manner {
  seed: number
  conns: number
  /** Chances of each segment. */
  loss: number
  twice: number
  late: number
  /** What it does to the client's and to the RS's sequence numbers. */
  moves: 'client' | 'both' | 'none'
  toa: boolean
  /** IP IDs are given anew. */
  newIds: boolean
  /** The RS side's clock minus the client side's, µs. */
  offsetUs: number
  /** The RS side's clock is this much faster. */
  driftPpm: number
  /** All conversations say the same. */
  alike: boolean
  /** Begin before the captures and have no SYN in them. */
  midway: boolean
  /** Requests of each conversation; left out, a few. */
  turns?: number
}

export interface Truth {
  client: string
  lip: string
  clientDelta: number
  rsDelta: number
  /** IP IDs at the entry of what never left, of what left twice. */
  lost: { in: number[]; out: number[] }
  twice: { in: number[]; out: number[] }
  /** Segments that got through. */
  through: number
}

export interface Translated {
  outer: Sent[]
  inner: Sent[]
  truths: Truth[]
}

const START_US = 1_700_000_000_000_000
const VIP = '203.0.113.10'
const RTO_US = 50_000

/** A generator of numbers in [0, 1): mulberry32. */
export function randoms(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function translate(manner: Manner): Translated {
  const all: Translated = { outer: [], inner: [], truths: [] }
  const random = randoms(manner.seed)
  for (let k = 0; k < manner.conns; k++) new Conversation(manner, random, k, all).run()
  // Both captures go on before and after: what is at their edges can be told.
  const last = Math.max(...all.outer.map(({ atUs }) => atUs)) + 5_000_000
  for (const at of [START_US - 1_000_000, last]) {
    const ends = { mac: '52:54:00:00:00:01', ip: '203.0.113.10' }
    const frame = arpFrame(1, ends, ends, 'ff:ff:ff:ff:ff:ff')
    all.outer.push({ atUs: at, frame })
    all.inner.push({ atUs: innerTime(manner, at), frame })
  }
  for (const list of [all.outer, all.inner]) list.sort((a, b) => a.atUs - b.atUs)
  return all
}

class Conversation {
  readonly #manner: Manner
  readonly #random: () => number
  readonly #all: Translated
  readonly #truth: Truth
  readonly #ports: { client: number; lip: number; address: string }
  /** Next numbers of client and RS as each sends them. */
  readonly #next: [number, number]
  readonly #first: [number, number]
  readonly #deltas: [number, number]
  #now: number
  readonly #ids: [number, number]

  constructor(manner: Manner, random: () => number, k: number, all: Translated) {
    const whole = (below: number) => Math.floor(random() * below)
    const move = () => (whole(2 ** 32) - 2 ** 31) | 0
    this.#manner = manner
    this.#random = random
    this.#all = all
    this.#ports = { client: 30_000 + k * 7, lip: 1025 + k, address: `198.51.100.${1 + (k % 5)}` }
    this.#first = [whole(2 ** 32), whole(2 ** 32)]
    this.#next = [...this.#first]
    this.#deltas = [manner.moves === 'none' ? 0 : move(), manner.moves === 'both' ? move() : 0]
    this.#now = START_US + whole(2_000_000)
    this.#ids = [1 + whole(30_000), 1 + whole(30_000)]
    this.#truth = {
      client: `${this.#ports.address}:${this.#ports.client}`,
      lip: `192.168.168.7:${this.#ports.lip}`,
      clientDelta: this.#deltas[0] >>> 0,
      rsDelta: this.#deltas[1] >>> 0,
      lost: { in: [], out: [] },
      twice: { in: [], out: [] },
      through: 0,
    }
    all.truths.push(this.#truth)
  }

  run(): void {
    if (!this.#manner.midway) {
      this.#say(0, 'S', '')
      this.#say(1, 'S.', '')
      this.#say(0, '.', '')
    }
    const turns = this.#manner.turns ?? 1 + Math.floor(this.#random() * 6)
    for (let turn = 0; turn < turns; turn++) {
      const word = this.#manner.alike ? 'PING' : `${Math.floor(this.#random() * 1e9)}`
      this.#say(0, 'P.', `*1\r\n$${word.length}\r\n${word}\r\n`)
      this.#say(1, '.', '')
      this.#say(1, 'P.', `+${word}\r\n`.repeat(1 + Math.floor(this.#random() * 40)))
      this.#say(0, '.', '')
      this.#now += Math.floor(this.#random() * 400_000)
    }
    this.#say(0, 'F.', '')
    this.#say(1, 'F.', '')
    this.#say(0, '.', '')
  }

  /** Sends until it is through; a bare ACK once. */
  #say(who: 0 | 1, flags: string, text: string): void {
    const payload = new TextEncoder().encode(text)
    const seq = this.#next[who]
    const takes = payload.length + (/[SF]/.test(flags) ? 1 : 0)
    this.#next[who] = (seq + takes) >>> 0
    // The last attempt always succeeds, or conversations would not go on.
    for (let attempt = 0; ; attempt++) {
      this.#now += 300 + Math.floor(this.#random() * 300)
      if (this.#send(who, flags, seq, payload, attempt < 4) || takes === 0) return
      this.#now += RTO_US << attempt
    }
  }

  #send(who: 0 | 1, flags: string, seq: number, payload: Uint8Array, mayLose: boolean): boolean {
    const { loss, twice, late } = this.#manner
    const random = this.#random
    const ack = flags.includes('.') ? this.#next[1 - who] : 0
    const id = this.#ids[who]++
    this.#capture(who, who, this.#now, flags, seq, ack, id, payload)
    const direction = who === 0 ? 'in' : 'out'
    if (mayLose && random() < loss) {
      this.#truth.lost[direction].push(id)
      return false
    }
    this.#truth.through++
    const delay = 40 + Math.floor(random() * 30) + (random() < late ? 5000 : 0)
    const outId = this.#manner.newIds ? 1 + Math.floor(random() * 60_000) : id
    this.#capture(who, 1 - who, this.#now + delay, flags, seq, ack, outId, payload)
    if (random() < twice) {
      this.#truth.twice[direction].push(outId)
      this.#capture(who, 1 - who, this.#now + delay + 15, flags, seq, ack, outId, payload)
    }
    this.#now += delay
    return true
  }

  /** `side` 0 is the client's. */
  #capture(
    who: number,
    side: number,
    at: number,
    flags: string,
    seq: number,
    ack: number,
    id: number,
    payload: Uint8Array,
  ): void {
    const { address, client, lip } = this.#ports
    const outer = { own: [address, client], far: [VIP, 6379] } as const
    const inner = { own: ['192.168.168.7', lip], far: ['192.168.168.2', 6379] } as const
    const { own, far } = side === 0 ? outer : inner
    const [from, to] = who === 0 ? [own, far] : [far, own]
    const toa = side === 1 && who === 0 && this.#manner.toa && ack <= this.#first[1] + 1
    const frame = tcpFrame({
      src: from[0],
      sport: from[1],
      dst: to[0],
      dport: to[1],
      flags,
      seq: this.#onSide(side, who, seq),
      ack: flags.includes('.') ? this.#onSide(side, 1 - who, ack) : 0,
      id,
      payload,
      options: toa ? concat(toaOf(address, client)) : new Uint8Array(),
      srcMac: '52:54:00:00:00:01',
      dstMac: '52:54:00:00:00:02',
    })
    if (side === 0) this.#all.outer.push({ atUs: at, frame })
    else this.#all.inner.push({ atUs: innerTime(this.#manner, at), frame })
  }

  /** A number of the client's or of the RS's as that side sees it. Each sends its own. */
  #onSide(side: number, whose: number, number: number): number {
    if (side === whose) return number
    return (whose === 0 ? number + this.#deltas[0] : number - this.#deltas[1]) >>> 0
  }
}

function innerTime({ offsetUs, driftPpm }: Manner, at: number): number {
  return Math.floor(at + offsetUs + ((at - START_US) * driftPpm) / 1e6)
}

function toaOf(address: string, port: number): Uint8Array {
  return Uint8Array.from([254, 8, port >>> 8, port & 255, ...address.split('.').map(Number)])
}
