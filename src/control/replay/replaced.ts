/** Changes of a journal for an engine with places of its own for RSs and LIPs. */

import { protocolOf } from '../../api/protocols.ts'
import { type Change, type RsKey, rsNameOf } from '../../config/changes.ts'
import type { Places } from '../../config/places.ts'
import type { Journal } from '../journal/format.ts'
import { imageText } from '../threads/word-of.ts'

export class Replaced {
  readonly #places: Places
  /** LIPs by their place in the journal. */
  readonly #lips = new Map<number, string>()
  /** Names of RSs by their places in the journal; RSs that were gone when it began are unknown. */
  readonly #rss = new Map<number, string>()
  /** VIP:port of the services of health checks, which nobody else has. */
  readonly #hidden = new Set<string>()

  constructor({ images }: Journal, places: Places) {
    this.#places = places
    const text = (word: number, family: number) => imageText(images[0]?.book, word, family)
    for (const [place, pool] of images[0]?.pools.entries() ?? []) {
      if (pool) this.#lips.set(place, text(pool.lip, pool.family))
    }
    for (const { protocol: number, family, vip, vport, onlyArm, dests } of images[0]?.setup
      .services ?? []) {
      const service = { protocol: protocolOf(number), vip: text(vip, family), vport }
      if (onlyArm >= 0) this.#hidden.add(hiddenName(service))
      for (const { index, rip, rport: port, family: own } of dests)
        this.#rss.set(index, rsNameOf({ ...service, address: text(rip, own), port }))
    }
  }

  /** undefined for one that is of health checks, or of an RS that is not there. */
  change(change: Change): Change | undefined {
    const { lips, dests } = this.#places
    switch (change.put) {
      case 'lip':
        this.#lips.set(change.place, change.address)
        return { ...change, place: lips.take(change.address) }
      case 'no-lip':
        return { ...change, place: lips.leave(change.address) }
      case 'service': {
        const { service } = change
        const { protocol, address: vip, port: vport } = service
        const name = hiddenName({ protocol, vip, vport })
        if (service.onlyArm !== undefined) this.#hidden.add(name)
        if (this.#hidden.has(name)) return undefined
        const own = service.lips.map(place => lips.take(this.#lips.get(place) ?? ''))
        return { put: 'service', service: { ...service, lips: own } }
      }
      case 'no-service': {
        const { protocol, address: vip, port: vport } = change
        return this.#hidden.has(hiddenName({ protocol, vip, vport })) ? undefined : change
      }
      case 'rs': {
        const { rs } = change
        if (this.#hidden.has(hiddenName(rs))) return undefined
        const name = rsNameOf(rs)
        this.#rss.set(rs.place, name)
        return { put: 'rs', rs: { ...rs, place: dests.take(name) } }
      }
      case 'no-rs':
        if (this.#hidden.has(hiddenName(change))) return undefined
        dests.leave(rsNameOf(change))
        return change
      case 'cut':
      case 'no-cut': {
        const isMeant = (name: string) => name === this.#rss.get(change.place)
        const [place] = [...dests.taken(isMeant), ...dests.left(isMeant)]
        return place === undefined ? undefined : { ...change, place }
      }
      default:
        return change
    }
  }
}

function hiddenName({ protocol, vip, vport }: Pick<RsKey, 'protocol' | 'vip' | 'vport'>): string {
  return `${protocol} ${vip}:${vport}`
}
