/** What must hold in a world: of each frame that the appliance judges, and of each conversation at the end. */

import { COLD, KEY, RECORD } from '../../src/engine/conn-layout.ts'
import { DONE, Drop, Event, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Sent } from './appliance.ts'
import { connOf } from './lookup.ts'
import type { Sending } from './network.ts'
import { FIN, fault, IP_AT, RST, SYN } from './packet.ts'
import type { Attempt, Side } from './talk.ts'
import { isDirect, isOut, type Way, wayOf } from './ways.ts'
import type { World } from './world.ts'

/** ms without a packet behind which the engine may forget a connection of which no FIN has passed. */
const FORGETS = 90_000
/** Frames between two looks into the books. */
const BOOKS_EVERY = 997

const SILENT = 'half-closed and silent for too long'
const RESCHEDULED = 'its SYN came once more, and went to another RS'
const CARRIED = 'its SYN went in the entry of before'

const DROPS = new Map<number, string>(Object.entries(Drop).map(([name, n]) => [n, name]))

export class Judge {
  readonly #world: World
  readonly #way: Way
  #frames = 0

  constructor(world: World) {
    this.#world = world
    this.#way = wayOf(world.plan)
  }

  /** A frame has been judged, and these have left for it. */
  frame(sending: Sending, out: readonly Sent[]): void {
    const { bytes, side, spoilt } = sending
    const { appliance } = this.#world
    const { verdict } = appliance
    if (verdict < 0 && verdict !== PARKED && verdict !== DONE && !DROPS.has(-verdict)) {
      this.#world.fail('verdict', String(verdict))
    }
    if (this.#world.mixed !== undefined) {
      this.#world.mixed.after(sending, verdict, DROPS.get(-verdict) ?? '', out)
    }
    if (side?.attempt !== undefined && !spoilt) this.#segment(side.attempt, side, bytes, verdict)
    // With an answer of ARP leaves what was parked, which may have come spoilt.
    if (!spoilt && verdict >= 0 && out.length === 1) {
      const wrong = fault((out[0] as Sent).bytes)
      if (wrong !== undefined) this.#world.fail('sums', wrong)
    }
    const wrong = appliance.cheap()
    if (wrong !== undefined) this.#world.fail('books', wrong)
    if (++this.#frames % BOOKS_EVERY === 0) this.books()
  }

  books(): void {
    try {
      this.#world.appliance.checkBooks()
    } catch (error) {
      this.#world.fail('books', (error as Error).message)
    }
  }

  /** A good segment of a conversation, and what became of it. */
  #segment(attempt: Attempt, side: Side, bytes: Uint8Array, verdict: number): void {
    const world = this.#world
    const flags = bytes[IP_AT + 33] as number
    if (verdict >= 0 || verdict === PARKED) {
      const silent = world.clock - attempt.forwarded
      attempt.lapsed ||= attempt.fin && silent >= world.plan.halfClosed * 1000
      attempt.forwarded = world.clock
      attempt.fin ||= (flags & FIN) !== 0
      attempt.rst ||= (flags & RST) !== 0 && side.why !== undefined
      attempt.answered ||= side.isClient && (flags & SYN) === 0
      if ((flags & SYN) !== 0 && side.isClient) attempt.carried ||= this.#isCarried(attempt)
      return
    }
    const name = DROPS.get(-verdict) as string
    if ((flags & SYN) !== 0) attempt.refused = name
    const isMiss = name === 'TCP_NO_CONN' || name === 'TCP_NO_SERVICE'
    if (!isMiss || attempt.rst || attempt.excuses.size > 0 || (flags & RST) !== 0) return
    // Both ends believe in it, and its port is not another's.
    const { client, server } = attempt
    if (server?.why !== undefined || client === undefined || client.why !== undefined) return
    if (server === undefined && client.socket.state === 'SYN_SENT') return
    const evicted = (engine: Engine) => engine.counters.events[Event.HALF_OPEN_EVICTED] ?? 0
    if (server === undefined && world.appliance.engines.some(engine => evicted(engine) > 0)) {
      attempt.excuses.add('half-open ones made room')
      return
    }
    if (attempt.carried || (server === undefined && this.#hasRescheduled())) {
      attempt.excuses.add(attempt.carried ? CARRIED : RESCHEDULED)
      return
    }
    if (server === undefined && world.plan.syn) {
      // Only with its first segment does a client bring back the cookie; what comes ahead of that comes again.
      attempt.excuses.add('its first segment was lost')
      return
    }
    const silent = world.clock - attempt.forwarded
    if (silent < (attempt.fin ? world.plan.halfClosed * 1000 : FORGETS)) {
      world.fail('dropped', `a segment of ${attempt.id}, ${silent} ms after another`)
    }
    attempt.excuses.add(attempt.fin ? SILENT : 'silent for 90 s')
  }

  /**
   * A SYN of a port whose connection of before is still there goes to the RS in that one's entry, and begins nothing there: the RS asks
   * who has sent it. If the RST of before comes only then, and the SYN once more, a connection has begun of which nobody knows.
   */
  #isCarried({ client }: Attempt): boolean {
    if (client === undefined) return false
    const { src, sport, dst, dport, iss } = client.socket.make
    const call = { client: src, sport, server: dst, dport }
    for (const engine of this.#world.appliance.engines) {
      const conn = connOf(engine, this.#way, KEY.TCP, call)
      if (conn < 0) continue
      return engine.conns.table.cold[RECORD.column(conn) | COLD.CLIENT_ISN] !== iss
    }
    return false
  }

  /** What is for an RS goes to where it was, for up to a minute; a SYN waits half of that for its ACK. */
  #hasMoved(): boolean {
    return this.#world.plan.happenings.some(one => one.what === 'rs mac' && !one.told)
  }

  /** Whom hosts inside call is where he was for up to a minute, and has nothing to say before he is called. */
  #hasMovedOutside(): boolean {
    const moves = this.#world.plan.happenings.some(({ what }) => what === 'client mac')
    return moves && isOut(this.#way)
  }

  /** A SYN that came once more went to another RS, for the first one takes no connections any more; that it had answered by DR or out of a tunnel nobody saw. */
  #hasRescheduled(): boolean {
    const of = ({ counters }: Engine) => counters.events[Event.SYN_RESCHEDULED] ?? 0
    return isDirect(this.#way) && this.#world.appliance.engines.some(engine => of(engine) > 0)
  }

  /** A client whose cookie was good has been told that its RS does not answer. */
  #hasGivenUp(): boolean {
    const of = ({ counters }: Engine) => counters.events[Event.SYN_PROXY_GAVE_UP] ?? 0
    return this.#world.appliance.engines.some(engine => of(engine) > 0)
  }

  /** At the end, when all has long been quiet. */
  conversations(): void {
    for (const attempt of this.#world.attempts.values()) {
      if (attempt.excuses.size > 0) continue
      if (attempt.talk.ending.endsWith('aborts')) continue
      const { client, server, refused } = attempt
      const isNever = client?.socket.state === 'SYN_SENT' || client?.why === 'gave up'
      if (server === undefined && refused !== undefined && isNever) {
        attempt.excuses.add(refused)
        continue
      }
      if (isWell(client) && isWell(server)) {
        // It had all that it wanted.
        if (server?.why !== 'closed') this.#world.note(`at last, a server ${server?.why}`)
        if (client?.why !== 'closed') this.#world.note(`at last, a client ${client?.why}`)
        continue
      }
      if (!attempt.answered && client?.socket.state === 'ESTABLISHED') {
        attempt.excuses.add('waits for a banner, and all of its ACKs were lost')
        continue
      }
      if (server === undefined && attempt.talk.banner && this.#hasMoved()) {
        attempt.excuses.add('its RS moved in silence, and had no ACK of its SYN in time')
        continue
      }
      if (server === undefined && isNever && this.#hasMovedOutside()) {
        attempt.excuses.add('whom it calls has moved in silence')
        continue
      }
      if (server === undefined && this.#hasRescheduled()) {
        attempt.excuses.add(RESCHEDULED)
        continue
      }
      if (server === undefined && client?.why === 'reset' && this.#hasGivenUp()) {
        attempt.excuses.add('its RS left all SYNs without an answer')
        continue
      }
      if (attempt.carried || attempt.lapsed) {
        attempt.excuses.add(attempt.carried ? CARRIED : SILENT)
        continue
      }
      this.#world.fail('ended', `${attempt.id}: client ${words(client)}, server ${words(server)}`)
    }
  }
}

function isWell(side: Side | undefined): boolean {
  return side?.isDone === true && side.isEof && side.why !== undefined
}

function words(side: Side | undefined): string {
  if (side === undefined) return 'unknown'
  const { received, isDone, isEof, why, socket } = side
  const said = `${received} bytes${isDone ? ', done' : ''}${isEof ? ', EOF' : ''}`
  return `${said}, ${why ?? socket.state}`
}
