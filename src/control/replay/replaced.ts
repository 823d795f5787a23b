/** Changes of a journal for an engine with places of its own for RSs and LIPs. */

import { protocolOf } from '../../api/protocols.ts'
import { type Change, type RsKey, rsNameOf } from '../../config/changes.ts'
import type { Places } from '../../config/places.ts'
import { ipv4Text } from '../../wire/address.ts'
import type { Journal } from '../journal/format.ts'

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
    for (const [place, pool] of images[0]?.pools.entries() ?? []) {
      if (pool) this.#lips.set(place, ipv4Text(pool.lip))
    }
    for (const { protocol: number, vip, vport, onlyArm, dests } of images[0]?.setup.services ??
      []) {
      const service = { protocol: protocolOf(number), vip: ipv4Text(vip), vport }
      if (onlyArm >= 0) this.#hidden.add(hiddenName(service))
      for (const { index, rip, rport: port } of dests)
        this.#rss.set(index, rsNameOf({ ...service, address: ipv4Text(rip), port }))
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
