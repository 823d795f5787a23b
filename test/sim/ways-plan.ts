/** A mixed world (mixed-plan.ts) whose RSs are reached in another way, with as much of it as that way can have. */

import type { LinkPlan } from './link.ts'
import { type Ask, type AskerPlan, type Mixed, mixedOf } from './mixed-plan.ts'
import type { Actor, Happening, Plan } from './plan.ts'
import { isDirect, isOut, WAY_NAMES, type Way, type WayName, wayOf } from './ways.ts'

/** Nobody cuts on its way what is of IPv6, so nothing there is narrow but our own arms. */
const PLAIN: LinkPlan = { mtu: 1500, hops: 0, grumble: 0, old: false }
/** What each link of IPv6 carries. */
const LEAST = 1280
/** A ping over IPv6 is in one piece: of one in some ICMPv6 would have to sum what it does not see. */
const PING_MOST = 1000
/** Of hosts behind the RSs' arm, which have ports of their own. */
const FIRST_PORT = 40_000
const ANSWER_LEAST = 8
/** Bytes of a datagram that are nowhere cut. */
const WHOLE = 500

/** The world of a seed; without a name the seeds take turns. */
export function waysOf(seed: number, isSmall = false, name = turnOf(seed)): Plan {
  const plan = mixedOf(seed, isSmall)
  const way = wayOf({ way: name })
  const mixed = fitted(plan.mixed as Mixed, way, plan.rss)
  const happenings = plan.happenings.filter(one => isPossible(one, way)).map(one => wide(one, way))
  const actors = isOut(way)
    ? plan.actors.map((actor, i) => inside(actor, i, plan.rss))
    : plan.actors
  return { ...plan, way: name, actors, happenings, mixed }
}

function turnOf(seed: number): WayName {
  return WAY_NAMES[seed % WAY_NAMES.length] as WayName
}

/** Nobody makes errors up: those know FullNAT over IPv4 (forged.ts). */
function fitted(mixed: Mixed, way: Way, rss: number): Mixed {
  const { links, mtus, askers, pings } = mixed
  const six = way.six.some(is => is)
  const isPinged = ({ ofRs }: { ofRs: boolean }) => (isOut(way) ? ofRs : !(ofRs && isDirect(way)))
  return {
    ...mixed,
    ...{ forged: [], mtus: [least(mtus[0], way, 0), least(mtus[1], way, 1)] },
    links: [linkOf(links[0], way, 0), linkOf(links[1], way, 1)],
    askers: askers.map((asker, i) => {
      const asks = asker.asks.map(ask => askOf(ask, way, asker.tells))
      return isOut(way) ? inquirer({ ...asker, asks }, i, rss) : { ...asker, asks }
    }),
    pings: pings.filter(isPinged).map(ping => ({
      ...ping,
      bytes: six ? Math.min(ping.bytes, PING_MOST) : ping.bytes,
    })),
  }
}

/** Outside everything is answered. */
function inquirer(asker: AskerPlan, i: number, rss: number): AskerPlan {
  const asks = asker.asks.map(ask => ({ ...ask, answer: Math.max(ask.answer, ANSWER_LEAST) }))
  return { ...asker, asks, tells: false, host: i % rss, port: FIRST_PORT + i }
}

function least(mtu: number, { six }: Way, arm: number): number {
  return six[arm] ? Math.max(mtu, LEAST) : mtu
}

/** To an RS by DR there is no router. One of NAT64 must get what each link of IPv6 carries (docs/semantics.md 1.10). */
function linkOf(link: LinkPlan, way: Way, arm: 0 | 1): LinkPlan {
  if (way.six[arm] || (way.by === 'dr' && arm === 1)) return PLAIN
  return way.six[0] ? { ...link, mtu: Math.max(link.mtu, LEAST) } : link
}

/**
 * What is cut has a checksum. Over IPv6 it must, and who answers by NAT64 without one has it summed only whole. Of a tunnel's header the ID
 * is drawn, and may be that of a datagram of which a part was lost, which makes one of both. A single datagram has DF behind NAT64, and nobody finds whom an error about it is for (semantics 4.3).
 */
function askOf(ask: Ask, { six, by }: Way, tells: boolean): Ask {
  if (tells && six[0] && !six[1]) return { ...ask, bytes: Math.min(ask.bytes, WHOLE), sum: true }
  const isCut = ask.bytes > WHOLE || ask.answer > WHOLE
  return isCut && (six[0] || by === 'tunnel') ? { ...ask, sum: true } : ask
}

function inside(actor: Actor, i: number, rss: number): Actor {
  return { ...actor, host: i % rss, port: FIRST_PORT + i }
}

function isPossible({ what }: Happening, way: Way): boolean {
  if (isOut(way)) return !['weight', 'cut', 'lip'].includes(what)
  return what !== 'lip' || way.by === 'fullnat'
}

function wide(one: Happening, way: Way): Happening {
  if (one.what !== 'mtu' && one.what !== 'link') return one
  const isPlain =
    one.what === 'link' && linkOf({ ...PLAIN, mtu: one.mtu }, way, one.arm as 0 | 1) === PLAIN
  if (isPlain) return { ...one, mtu: PLAIN.mtu }
  return { ...one, mtu: way.six[0] ? Math.max(one.mtu, LEAST) : one.mtu }
}
