/** Changes of a journal for an engine with places of its own for RSs and LIPs. */

import { type Change, rsName } from '../../config/changes.ts'
import type { Places } from '../../config/places.ts'
import { ipv4Text } from '../../wire/address.ts'
import type { Journal } from '../journal/format.ts'

export class Replaced {
  readonly #places: Places
  /** LIPs by their place in the journal. */
  readonly #lips = new Map<number, string>()
  /** Names of RSs by theirs; of those that were gone when it began nothing is known. */
  readonly #rss = new Map<number, string>()
  /** VIP:port of the services of health checks, which nobody else has. */
  readonly #hidden = new Set<string>()

  constructor({ images }: Journal, places: Places) {
    this.#places = places
    for (const [place, pool] of images[0]?.pools.entries() ?? []) {
      if (pool) this.#lips.set(place, ipv4Text(pool.lip))
    }
    for (const { vip, vport, onlyArm, dests } of images[0]?.setup.services ?? []) {
      const address = ipv4Text(vip)
      if (onlyArm >= 0) this.#hidden.add(`${address}:${vport}`)
      for (const { index, rip, rport: port } of dests)
        this.#rss.set(index, nameOf({ vip: address, vport, address: ipv4Text(rip), port }))
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
        const name = `${service.address}:${service.port}`
        if (service.onlyArm !== undefined) this.#hidden.add(name)
        if (this.#hidden.has(name)) return undefined
        const own = service.lips.map(place => lips.take(this.#lips.get(place) ?? ''))
        return { put: 'service', service: { ...service, lips: own } }
      }
      case 'no-service':
        return this.#hidden.has(`${change.address}:${change.port}`) ? undefined : change
      case 'rs': {
        const { rs } = change
        if (this.#hidden.has(`${rs.vip}:${rs.vport}`)) return undefined
        const name = nameOf(rs)
        this.#rss.set(rs.place, name)
        return { put: 'rs', rs: { ...rs, place: dests.take(name) } }
      }
      case 'no-rs':
        if (this.#hidden.has(`${change.vip}:${change.vport}`)) return undefined
        dests.leave(nameOf(change))
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

type OfService = { vip: string; vport: number; address: string; port: number }

function nameOf({ vip, vport, address, port }: OfService): string {
  return rsName({ protocol: 'tcp', address: vip, port: vport }, { address, port })
}
