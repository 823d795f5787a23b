/** One client's conversations from one port, one after the other, on a stand with sessions and two RSs. */

import assert from 'node:assert/strict'
import { SessionReading } from '../../src/control/sessions/words.ts'
import { KEY } from '../../src/engine/conn-layout.ts'
import { Stat } from '../../src/engine/service.ts'
import { SessionRing } from '../../src/engine/sessions.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { CLIENT, LAN, RS, SYN, WAN } from './connection.ts'
import type { DecodedTcp } from './decode.ts'
import { type Out, SEED_CONFIG, Stand } from './stand.ts'

export const [VIP, VPORT] = ['202.108.10.1', 6379]
export const RSS = ['192.168.168.2', '192.168.168.12'] as const

/** RSs in turn; `service` and `whole` are lines more. */
export function config({ service = '', whole = '', rss = [...RSS] as string[] } = {}): string {
  const servers = rss.map(address => `{ address: ${address}, weight: 1 }`).join(', ')
  return `${SEED_CONFIG.replace(
    /scheduler: wrr\n.*/,
    `scheduler: rr\n${service}    real_servers: [${servers}]`,
  )}\n${whole}`
}

export const KEEP = 'tcp: { reuse: keep }'

/** A stand, and the connection of its one client, whose segments the RS answers from where they came to. */
export class Talk {
  readonly stand: Stand
  readonly ring: SessionRing
  /** What the RS saw of the last SYN. */
  seen: DecodedTcp
  isn = 1000

  constructor(yaml: string) {
    this.ring = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(64)), 64)
    this.stand = new Stand(yaml, undefined, { sessions: this.ring }).resolveRss()
    this.seen = this.syn(1000)
  }

  /** => the SYN as the RS gets it, whatever else was sent */
  syn(seq: number): DecodedTcp {
    const out = this.raw(seq)
    const syns = tcp(out).filter(({ flags }) => flags === 'S')
    assert.equal(syns.length, 1, this.stand.verdictName())
    this.isn = seq
    this.seen = syns[0] as DecodedTcp
    return this.seen
  }

  /** => all that is sent for it */
  raw(seq: number, arm = WAN): Out[] {
    return this.stand.segment(arm, { ...SYN, seq })
  }

  client(flags: string, seq = 1): void {
    this.stand.segment(WAN, { ...CLIENT, flags, seq: this.isn + seq })
  }

  /** A segment of the RS that acknowledges `ack` of the client's numbers. */
  rs(flags: string, ack = 1, seq = 9001): void {
    const { src, sport, dst, dport } = this.seen
    const ends = { src: dst, sport: dport, dst: src, dport: sport }
    this.stand.segment(LAN, { ...RS, ...ends, flags, seq, ack: (this.seen.seq + ack) >>> 0 })
  }

  open(): this {
    this.rs('S.', 1, 9000)
    this.client('.')
    return this
  }

  /** Brings the open connection to the state; all have been heard of by the RS. */
  to(state: keyof typeof OVER): this {
    OVER[state](this)
    // A half that still talks is not given up for a SYN.
    if (state === 'FIN_WAIT' || state === 'CLOSE_WAIT') this.stand.pass(1100)
    assert.equal(this.state, State[state], state)
    return this
  }

  get conn(): number {
    const { table } = this.stand.engine.conns
    const ports = (SYN.sport << 16) | SYN.dport
    return table.find(KEY.TCP, ipv4Int(SYN.src), ipv4Int(SYN.dst), ports) >> 1
  }

  get state(): number {
    return this.stand.engine.conns.table.state(this.conn)
  }

  weight(address: string, weight: number, upperThreshold = -1): void {
    const place = RSS.indexOf(address as (typeof RSS)[number])
    const at = {
      protocol: 'tcp' as const,
      vip: VIP,
      vport: VPORT,
      place,
      address,
      port: 6379,
      weight,
    }
    const rs = {
      ...at,
      upperThreshold: Math.max(0, upperThreshold),
      lowerThreshold: 0,
      backup: false,
      forwarding: 'fullnat' as const,
    }
    this.stand.change([{ put: 'rs', rs }])
  }

  /** Connections that were given to each RS, as `--stats` has them, the first conversation's RS first. */
  conns(): number[] {
    return [1, 0].map(place => this.stand.engine.dests.stat(place, Stat.CONNS))
  }

  sessions(): string[] {
    const reading = new SessionReading()
    const ended: string[] = []
    while (this.ring.read(reading.cells)) {
      const { rs, end, state } = reading.session(ms => ms)
      ended.push(`${rs.split(':')[0]} ${end} ${state}`)
    }
    return ended
  }

  /** Nothing is left of anything when all has timed out. */
  checkBooks(): void {
    const { stand } = this
    stand.pass(120_000)
    const { conns, dests, lips, frames } = stand.engine
    assert.equal(conns.table.used, 0)
    assert.equal(conns.table.countLinked(), 0)
    assert.equal(conns.wheel.filed, 0)
    assert.equal(lips[0]?.used, 0)
    for (const place of RSS.keys()) {
      assert.deepEqual([dests.active(place), dests.inactive(place)], [0, 0])
    }
    assert.equal(stand.events('CONNS_OPENED'), stand.events('CONNS_EXPIRED'))
    assert.ok(frames.free > 0)
  }
}

/** How the open connection comes to each state that is over. */
export const OVER = {
  TIME_WAIT(talk: Talk) {
    talk.rs('F.')
    talk.client('F.')
    talk.rs('.', 2, 9002)
  },
  CLOSE: (talk: Talk) => talk.client('R'),
  FIN_WAIT: (talk: Talk) => talk.rs('F.'),
  CLOSE_WAIT(talk: Talk) {
    talk.client('F.')
    talk.rs('.', 2)
  },
  // Nor here, but where anything is believed: a SYN of the RS that nobody has asked for.
  SYN_SENT(talk: Talk) {
    talk.rs('F.')
    talk.stand.engine.conns.table.setState(talk.conn, State.SYN_SENT)
    talk.stand.engine.counters.connMoved(State.FIN_WAIT, State.SYN_SENT)
  },
  // No path of FullNAT leads here.
  LAST_ACK(talk: Talk) {
    talk.rs('F.')
    talk.stand.engine.conns.table.setState(talk.conn, State.LAST_ACK)
    talk.stand.engine.counters.connMoved(State.FIN_WAIT, State.LAST_ACK)
  },
}
export const STATES = Object.keys(OVER) as (keyof typeof OVER)[]

export function tcp(out: readonly Out[]): DecodedTcp[] {
  return out.flatMap(({ decoded }) => (decoded.kind === 'tcp' ? [decoded] : []))
}
