/** What a mixed world has beside TCP: questions by UDP, pings, forged errors, links that are narrow. Made of a seed of its own. */

import type { LinkPlan } from './link.ts'
import { type Happening, type Plan, planOf } from './plan.ts'
import { Dice } from './random.ts'

/** A question, which is asked until it is answered; or, of a service of single datagrams, told until it is heard. */
export interface Ask {
  /** ms of the world, or behind the one before. */
  start: number
  bytes: number
  answer: number
  /** Both have checksums. */
  sum: boolean
  /** Nobody may cut it; who learns that it is too large says less. */
  df: boolean
  /** Of a traceroute it is so small that nothing answers. */
  ttl: number
  /** Behind it the port is nobody's until the next one. */
  closes: boolean
}

/** A client's port; what it asks follows each other. */
export interface AskerPlan {
  host: number
  port: number
  /** Of the service of single datagrams. */
  tells: boolean
  asks: Ask[]
}

export interface Ping {
  at: number
  /** A client asks the VIP, an RS a LIP. */
  ofRs: boolean
  host: number
  bytes: number
}

export const FORGERIES = [
  'sequence',
  'side',
  'group',
  'ours',
  'checksum',
  'later fragment',
  'short',
  'other source',
  'redirect',
  'stranger',
  'stale',
] as const
export type Forgery = (typeof FORGERIES)[number]

/** An error that somebody has made up, about the connection of this number. */
export interface Forged {
  at: number
  how: Forgery
  pick: number
}

export interface Mixed {
  uoa: 'off' | 'opp' | 'ipo'
  trail: number
  /** Seconds. */
  timeouts: { oneway: number; normal: number }
  reject: boolean
  xmitTtl: boolean
  /** That are put together at once. */
  datagrams: number
  /** MTU of the arms. */
  mtus: [number, number]
  links: [LinkPlan, LinkPlan]
  askers: AskerPlan[]
  pings: Ping[]
  forged: Forged[]
}

const CLIENTS = 4
const MTUS = [1500, 1500, 1400, 1280, 576] as const

/** The world of a seed that mixes TCP with UDP and ICMP. */
export function mixedOf(seed: number, isSmall = false): Plan {
  const plan = planOf(seed, isSmall)
  const dice = new Dice(seed ^ 0x3d1c_e55a)
  const { quiet } = plan
  const mixed: Mixed = {
    uoa: dice.pick(['off', 'opp', 'ipo']),
    trail: dice.pick([1, 3]),
    timeouts: dice.pick([
      { oneway: 3, normal: 5 },
      { oneway: 5, normal: 3 },
      { oneway: 30, normal: 40 },
    ]),
    reject: dice.chance(30),
    xmitTtl: dice.chance(25),
    datagrams: dice.pick([64, 64, 8]),
    mtus: [dice.pick([1500, 1500, 1500, 1400, 9000]), dice.pick([1500, 1500, 1500, 1400, 9000])],
    links: [aLink(dice), aLink(dice)],
    askers: [],
    pings: [],
    forged: [],
  }
  const some = (most: number) => dice.between(0, most)
  for (let i = dice.between(1, isSmall ? 3 : 8); i > 0; i--) {
    mixed.askers.push(anAsker(dice, mixed.askers.length, quiet, isSmall))
  }
  for (let i = some(isSmall ? 2 : 5); i > 0; i--) {
    const bytes = dice.pick([0, 8, 56, 1472, 3000, dice.below(5000)])
    const ofRs = dice.chance(30)
    const host = dice.below(ofRs ? plan.rss : CLIENTS)
    mixed.pings.push({ at: dice.below(quiet), ofRs, host, bytes })
  }
  for (let i = some(isSmall ? 6 : 20); i > 0; i--) {
    const how = dice.pick(FORGERIES)
    mixed.forged.push({ at: dice.below(quiet + 3000), how, pick: dice.below(1000) })
  }
  const happenings = [...plan.happenings]
  if (dice.chance(50)) {
    for (let i = dice.between(1, 3); i > 0; i--) happenings.push(aMoment(dice, plan))
  }
  // TCP is there, too, but there is less of it.
  const actors = plan.actors.slice(0, isSmall ? 1 : 4)
  return { ...plan, actors, happenings, mixed }
}

function aLink(dice: Dice): LinkPlan {
  const [mtu, hops] = [dice.pick(MTUS), dice.pick([0, 0, 1, 3])]
  return { mtu, hops, grumble: dice.pick([0, 0, 30]), old: dice.chance(10) }
}

function anAsker(dice: Dice, i: number, quiet: number, isSmall: boolean): AskerPlan {
  const asks: Ask[] = []
  const tells = dice.chance(20)
  const count = dice.pick(isSmall ? [1, 2, 4] : [1, 3, 6, 12])
  const size = () => dice.pick([8, 20, 100, 512, 1200, 1472, 3000, dice.below(9000)])
  for (let n = 0; n < count; n++) {
    asks.push({
      start: n === 0 ? dice.below(quiet) : dice.pick([0, 0, 10, 1000, dice.below(8000)]),
      bytes: Math.max(8, size()),
      answer: tells ? dice.pick([0, 8]) : Math.max(8, size()),
      sum: dice.chance(75),
      // Nobody finds whom an error about a single datagram is for (semantics 4.3).
      df: dice.chance(20) && !tells,
      ttl: dice.chance(8) ? dice.between(1, 4) : 64,
      closes: dice.chance(30),
    })
  }
  // Ports as TCP has them: it has numbers of its own.
  return { host: i % CLIENTS, port: 40_000 + (i >> 2), tells, asks }
}

function aMoment(dice: Dice, { quiet, rss }: Plan): Happening {
  const [at, arm] = [dice.below(quiet), dice.below(2)]
  return dice.pick<() => Happening>([
    () => ({ at, what: 'mtu', arm, mtu: dice.pick(MTUS) }),
    () => ({ at, what: 'link', arm, mtu: dice.pick(MTUS) }),
    () => ({ at, what: 'rs deaf', rs: dice.below(rss), ms: dice.between(100, 5000) }),
  ])()
}
