/**
 * What a worker has been told since the daemon began, as few changes as say the same: what another thread in its place is set up
 * with. RSs, services and LIPs that were taken away are remembered as long as connections may hold their places.
 */

import { type ServiceKey, serviceName } from '../../api/edits.ts'
import { type Change, rsNameOf } from '../../config/changes.ts'
import type { Quiet } from './memory.ts'

type RsPut = Extract<Change, { put: 'rs' }>
type ServicePut = Extract<Change, { put: 'service' }>
type LipPut = Extract<Change, { put: 'lip' | 'no-lip' }>

/** What is put back and taken away again, so that its connections are whose they were. */
interface Gone {
  service: ServicePut
  rs: RsPut
}

/** The order in which new things come. */
const ORDER = [
  ...['device', 'timeouts', 'udp-timeouts', 'address', 'route', 'neighbour'],
  ...['lip', 'list', 'service', 'acl', 'rs', 'cut'],
]

export class Standing {
  /** By what they are of; of one kind in the order in which they came first. */
  readonly #puts = new Map<string, Change>()
  /** By place. */
  readonly #gone = new Map<number, Gone>()
  readonly #goneLips = new Map<number, LipPut>()

  told(changes: readonly Change[]): void {
    for (const change of changes) this.#tell(change)
  }

  /** What is there now. Carried out in this order it needs nothing that is not there. */
  changes(): Change[] {
    const all = [...this.#puts.values()]
    return ORDER.flatMap(put => all.filter(change => change.put === put))
  }

  /**
   * What is not there any more, of the places that are not quiet: each to be carried out behind changes(), and one that cannot be
   * leaves the others as they are.
   */
  gone({ dests, lips: ofLips }: Quiet): Change[][] {
    for (const place of [...this.#gone.keys()]) if (dests(place)) this.#gone.delete(place)
    for (const place of [...this.#goneLips.keys()]) if (ofLips(place)) this.#goneLips.delete(place)
    const lips = [...this.#goneLips.values()].map(({ address, place }): Change[] => [
      { put: 'lip', address, place },
      { put: 'no-lip', address, place },
    ])
    const rss = [...this.#gone.values()].map(({ service, rs }): Change[] => {
      const { protocol, vip, vport, address, port } = rs.rs
      const key = { protocol, vip, vport, address, port }
      if (this.#puts.has(serviceKeyOf(service.service))) return [rs, { put: 'no-rs', ...key }]
      return [service, rs, { put: 'no-service', protocol, address: vip, port: vport }]
    })
    return [...lips, ...rss]
  }

  #tell(change: Change): void {
    const key = keyOf(change)
    switch (change.put) {
      case 'no-rs':
        this.#goes(key)
        return
      case 'no-service': {
        const { protocol, address, port } = change
        const isIts = ({ rs }: RsPut) =>
          rs.protocol === protocol && rs.vip === address && rs.vport === port
        for (const [name, put] of this.#puts) if (put.put === 'rs' && isIts(put)) this.#goes(name)
        this.#puts.delete(key)
        this.#puts.delete(aclKeyOf(change))
        return
      }
      case 'no-lip':
        this.#puts.delete(key)
        this.#goneLips.set(change.place, change)
        return
      case 'rs':
        this.#gone.delete(change.rs.place)
        if (change.rs.weight > 0) this.#puts.delete(`cut ${change.rs.place}`)
        break
      case 'lip':
        this.#goneLips.delete(change.place)
        break
      case 'list':
        // One of before may have had more parts.
        if (change.part === 0) this.#forgetList(change.name)
        break
      case 'no-list':
        this.#forgetList(change.name)
        return
      case 'no-acl':
      case 'no-address':
      case 'no-route':
      case 'no-neighbour':
      case 'no-cut':
        this.#puts.delete(key)
        return
      default:
    }
    this.#puts.set(key, change)
  }

  #forgetList(name: string): void {
    for (const [key, put] of this.#puts)
      if (put.put === 'list' && put.name === name) this.#puts.delete(key)
  }

  /** An RS is taken away. */
  #goes(name: string): void {
    const rs = this.#puts.get(name) as RsPut | undefined
    if (rs === undefined) return
    this.#puts.delete(name)
    const { protocol, vip: address, vport: port } = rs.rs
    const service = this.#puts.get(serviceKeyOf({ protocol, address, port }))
    if (service?.put === 'service') this.#gone.set(rs.rs.place, { service, rs })
  }
}

/** What a change is of: the same for what puts it and what takes it away. */
function keyOf(change: Change): string {
  switch (change.put) {
    case 'timeouts':
    case 'udp-timeouts':
      return change.put
    case 'device':
      return `device ${change.arm}`
    case 'address':
    case 'no-address':
      return `address ${change.arm} ${change.address}/${change.prefixLength}`
    case 'route':
    case 'no-route':
      return `route ${change.arm} ${change.route.to}/${change.route.prefixLength}`
    case 'neighbour':
    case 'no-neighbour':
      return `neighbour ${change.arm} ${change.address}`
    case 'lip':
    case 'no-lip':
      return `lip ${change.address}`
    case 'list':
      return `list ${change.part} ${change.name}`
    case 'no-list':
      return `list ${change.name}`
    case 'acl':
    case 'no-acl':
      return aclKeyOf(change)
    case 'service':
      return serviceKeyOf(change.service)
    case 'no-service':
      return serviceKeyOf(change)
    case 'rs':
      return rsNameOf(change.rs)
    case 'no-rs':
      return rsNameOf(change)
    case 'cut':
    case 'no-cut':
      return `cut ${change.place}`
  }
}

function aclKeyOf({ protocol, address, port }: ServiceKey): string {
  return `ACL of ${serviceName({ protocol, address, port })}`
}

function serviceKeyOf({ protocol, address, port }: ServiceKey): string {
  return `service ${serviceName({ protocol, address, port })}`
}
