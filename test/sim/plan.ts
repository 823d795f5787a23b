/** What happens in a world: a plain value that a seed gives, so that parts of it can be left out. */

import type { Mixed } from './mixed-plan.ts'
import type { Headers, Version } from './proxy.ts'
import { Dice } from './random.ts'
import { BANNER_BYTES, ID_BYTES } from './stream.ts'
import type { WayName } from './ways.ts'

export interface Turn {
  ofClient: boolean
  bytes: number
  /** ms before it. */
  pause: number
}

/** Who ends a conversation, and how. `half`: the client, before the server's last turn. */
export type Ending = 'client' | 'server' | 'both' | 'half' | 'client aborts' | 'server aborts'

export interface Talk {
  /** ms of the virtual clock; 0 for as soon as the one before it has ended. */
  start: number
  turns: Turn[]
  ending: Ending
  banner: boolean
  /** ms until an end asks whether the other lives; 0 for never. */
  keepalive: number
  /** Its client begins with a header of the PROXY protocol of its own. */
  own?: Version
}

/** One client and its port; its conversations follow each other. */
export interface Actor {
  /** Of World.clients. */
  host: number
  port: number
  mss: number
  sack: boolean
  talks: Talk[]
}

/** Per cent of the frames of an arm, and ms. */
export interface Faults {
  loss: number
  double: number
  late: number
  spoilt: number
  delay: number
  jitter: number
}

export type Happening =
  | { at: number; what: 'rs mac'; rs: number; told: boolean }
  | { at: number; what: 'client mac'; host: number }
  | { at: number; what: 'rs silent'; rs: number; ms: number }
  | { at: number; what: 'rs dies'; rs: number; ms: number }
  | { at: number; what: 'weight'; rs: number; weight: number }
  | { at: number; what: 'cut'; rs: number }
  | { at: number; what: 'lip'; there: boolean }
  | { at: number; what: 'restart' | 'image'; worker: number }
  | { at: number; what: 'clock'; ms: number }
  | { at: number; what: 'stall'; ms: number }
  /** Of mixed worlds: an arm, or the link behind it, has another MTU; an RS's applications are not there. */
  | { at: number; what: 'mtu' | 'link'; arm: number; mtu: number }
  | { at: number; what: 'rs deaf'; rs: number; ms: number }

export interface Plan {
  seed: number
  workers: number
  /** lports that each worker has of a LIP: a mask of so many bits; 0 for all that there are. */
  lportBits: number
  /** Where the engine's clock begins. */
  clock: number
  /** The RSs' MACs are configured, and nobody asks for them. */
  fixed: boolean
  toa: 'seed' | 'master' | 'off'
  tableSize: number
  /** Seconds that FIN_WAIT, CLOSE_WAIT and TIME_WAIT last. */
  halfClosed: number
  rss: number
  /** Faults of the clients' and of the RSs' arm until `quiet`. */
  faults: [Faults, Faults]
  quiet: number
  /** Retransmission timeout that both ends begin with, ms. */
  rto: number
  actors: Actor[]
  happenings: Happening[]
  /** What it has beside TCP. */
  mixed?: Mixed
  /** Its RSs are told the client so. */
  proxy?: Headers
  /** SYNs are answered by cookies. */
  syn?: boolean
  /** How RSs are reached, if it is not by FullNAT over IPv4; with `mixed` alone. */
  way?: WayName
}

const CLIENTS = 4
/** In some worlds the engine's clock goes round its int32. */
const CLOCKS = [1_000_000, 2 ** 31 - 5000, 2 ** 32 - 9000] as const

/** How large worlds are. */
interface Size {
  quiet: readonly number[]
  actors: number
  talks: readonly number[]
  /** Bytes of a turn at most. */
  bytes: number
}
const LARGE: Size = {
  quiet: [3000, 10_000, 20_000],
  actors: 8,
  talks: [1, 1, 2, 3, 5],
  bytes: 20_000,
}
const SMALL: Size = { quiet: [1000, 4000, 9000], actors: 3, talks: [1, 2, 3], bytes: 4000 }

/** The world of a seed: some thousand packets, or a small one of some hundred. */
export function planOf(seed: number, isSmall = false): Plan {
  const dice = new Dice(seed)
  const size = isSmall ? SMALL : LARGE
  const quiet = dice.pick(size.quiet)
  const isRough = dice.chance(80)
  const faults = (): Faults => (isRough ? roughFaults(dice) : calm(dice.between(0, 20)))
  const workers = dice.pick([1, 1, 1, 2, 3, 4])
  const plan: Plan = {
    seed,
    workers,
    lportBits: dice.pick([14, 14, 12, 10]) - (workers > 2 ? 2 : workers - 1),
    toa: dice.pick(['seed', 'master', 'off']),
    clock: CLOCKS[(seed >>> 3) % CLOCKS.length] as number,
    fixed: false,
    halfClosed: 7,
    tableSize: dice.pick([16, 64, 256]) * workers,
    rss: dice.between(1, 3),
    faults: [faults(), faults()],
    quiet,
    rto: dice.pick([200, 300, 500]),
    actors: [],
    happenings: [],
  }
  const actors = dice.between(1, size.actors)
  for (let i = 0; i < actors; i++) plan.actors.push(anActor(dice, i, quiet, size))
  if (dice.chance(60)) {
    const count = dice.between(1, 5)
    for (let i = 0; i < count; i++) plan.happenings.push(aHappening(dice, plan))
  }
  return plan
}

/** The same with the PROXY protocol, and clients some of which send a header of their own. */
export function proxiedPlan(seed: number): Plan {
  const plan = planOf(seed, true)
  const dice = new Dice(seed ^ 0x50524f58)
  const version = (): Version => dice.pick(['v1', 'v2'])
  const own = dice.chance(50)
  for (const { talks } of plan.actors)
    for (const talk of talks) if (own && dice.chance(70)) talk.own = version()
  return { ...plan, proxy: { version: version(), insecure: dice.chance(50) } }
}

/** The same with SYNs that are answered by cookies, and in some worlds with the PROXY protocol besides. */
export function cookiePlan(seed: number): Plan {
  const plan = seed % 3 === 0 ? proxiedPlan(seed) : planOf(seed, true)
  return { ...plan, syn: true }
}

/** Many short conversations with 5 % of everything on both arms, as a lab once had them. */
export function lossyPlan(seed: number, halfClosed = 7): Plan {
  const dice = new Dice(seed)
  const faults = { loss: 5, double: 5, late: 5, spoilt: 0, delay: 1, jitter: 2 }
  const actors = Array.from({ length: 8 }, (_, i): Actor => {
    const talks = Array.from({ length: 50 }, (): Talk => {
      const turns = [
        { ofClient: true, bytes: 100, pause: 0 },
        { ofClient: false, bytes: dice.pick([100, 1000, 8000]), pause: 0 },
      ]
      const ending = dice.pick<Ending>(['client', 'server', 'half'])
      return { start: 0, turns, ending, banner: false, keepalive: 0 }
    })
    return { host: i % CLIENTS, port: 40_000 + (i >> 2), mss: 1460, sack: true, talks }
  })
  const world = {
    seed,
    workers: 1,
    lportBits: 6,
    clock: 1_000_000,
    fixed: false,
    toa: 'seed' as const,
    tableSize: 256,
    halfClosed,
    rss: 1,
  }
  return { ...world, faults: [faults, faults], quiet: 3_000_000, rto: 200, actors, happenings: [] }
}

function calm(delay: number): Faults {
  return { loss: 0, double: 0, late: 0, spoilt: 0, delay, jitter: 0 }
}

function roughFaults(dice: Dice): Faults {
  const some = () => dice.pick([0, 1, 5, 5, 10, 30])
  return {
    loss: some(),
    double: some(),
    late: some(),
    spoilt: dice.pick([0, 0, 1, 5]),
    delay: dice.between(0, 30),
    jitter: dice.pick([0, 0, 3, 40]),
  }
}

function anActor(dice: Dice, i: number, quiet: number, { talks: counts, bytes }: Size): Actor {
  const talks: Talk[] = []
  const count = dice.pick(counts)
  for (let n = 0; n < count; n++) {
    const start = n === 0 ? dice.below(quiet) : dice.pick([0, 0, dice.below(5000)])
    talks.push(aTalk(dice, start, bytes))
  }
  const mss = dice.pick([1460, 1460, 1460, 536, 100])
  return { host: i % CLIENTS, port: 40_000 + (i >> 2), mss, sack: dice.chance(70), talks }
}

function aTalk(dice: Dice, start: number, most: number): Talk {
  const banner = dice.chance(20)
  const turns: Turn[] = banner ? [{ ofClient: false, bytes: BANNER_BYTES, pause: 0 }] : []
  const size = () => dice.pick([ID_BYTES, 20, 100, 1000, dice.below(most)])
  turns.push({ ofClient: true, bytes: Math.max(ID_BYTES, size()), pause: 0 })
  const more = dice.pick([1, 1, 1, 2, 4])
  for (let i = 0; i < more; i++) {
    const pause = dice.pick([0, 0, 0, 10, 200, 2000])
    turns.push({ ofClient: i % 2 === 1, bytes: Math.max(1, size()), pause })
  }
  const ending = dice.pick<Ending>([
    'client',
    'client',
    'server',
    'server',
    'both',
    'half',
    'client aborts',
    'server aborts',
  ])
  return { start, turns, ending, banner, keepalive: dice.pick([0, 0, 30_000]) }
}

function aHappening(dice: Dice, { rss, quiet, workers }: Plan): Happening {
  const at = dice.below(quiet)
  const rs = dice.below(rss)
  const worker = dice.below(workers)
  const ms = dice.between(100, 5000)
  return dice.pick<() => Happening>([
    () => ({ at, what: 'rs mac', rs, told: dice.chance(50) }),
    () => ({ at, what: 'client mac', host: dice.below(CLIENTS) }),
    () => ({ at, what: 'rs silent', rs, ms }),
    () => ({ at, what: 'rs dies', rs, ms }),
    () => ({ at, what: 'weight', rs, weight: dice.below(3) }),
    () => ({ at, what: 'cut', rs }),
    () => ({ at, what: 'lip', there: dice.chance(50) }),
    () => ({ at, what: 'restart', worker }),
    () => ({ at, what: 'restart', worker }),
    () => ({ at, what: 'image', worker }),
    () => ({ at, what: 'clock', ms: dice.pick([500, 8000, 60_000, 3_600_000]) }),
    () => ({ at, what: 'stall', ms: dice.between(10, 6000) }),
  ])()
}
