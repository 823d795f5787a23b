/** What befalls a world: each by what it does to hosts and appliance, and to whom it is an excuse. */

import { behind, LIPS, rsAddress, textOf, VIP, vportsOf } from './config.ts'
import type { Host } from './host.ts'
import type { Link } from './link.ts'
import type { Happening } from './plan.ts'
import type { Attempt, Side } from './talk.ts'
import { isOut, type Way, wayOf } from './ways.ts'
import type { World } from './world.ts'

/** A clock that jumps so far may end what is half-closed, or whole. */
const LONG_MS = 2000

/** ms until a cut is over: it is carried out bit by bit, and waits while the worker stalls. What opens meanwhile may be cut, too. */
export const CUT_MOST = 7000

export class Happenings {
  readonly #world: World
  readonly #way: Way
  #macs = 0
  #hasLips = true

  constructor(world: World) {
    this.#world = world
    this.#way = wayOf(world.plan)
  }

  do(one: Happening): void {
    const world = this.#world
    const { events, appliance } = world
    if (one.what === 'rs mac') this.#moveRs(world.rss[one.rs] as Host, one.told)
    else if (one.what === 'client mac') this.#moveClient(world.clients[one.host] as Host)
    else if (one.what === 'rs silent') this.#silence(one.rs, one.ms)
    else if (one.what === 'rs dies') this.#kill(one.rs, one.ms)
    else if (one.what === 'weight') this.#weigh(one.rs, one.weight)
    else if (one.what === 'cut') this.#cut(one.rs)
    else if (one.what === 'lip') this.#lip(one.there)
    else if (one.what === 'restart') this.#restart(one.worker)
    else if (one.what === 'image') {
      // Of parked frames an image has headers only.
      if (appliance.parked(one.worker) === 0) appliance.image(one.worker)
    } else if (one.what === 'clock') {
      world.skew += one.ms
      if (one.ms >= LONG_MS) world.excuseAll('the clock went on')
    } else if (one.what === 'stall') world.stalledUntil = events.now + one.ms
    else this.#ofMixed(one)
  }

  #ofMixed(one: Happening): void {
    const { mixed, appliance, events, rss } = this.#world
    if (mixed === undefined) return
    if (one.what === 'link') (mixed.links[one.arm] as Link).mtu = one.mtu
    else if (one.what === 'mtu') {
      const { arm, mtu } = one
      const mac = appliance.mac(arm)
      appliance.change(`arm ${arm}`, { put: 'device', arm, mac, mtu })
      mixed.mtus[arm as 0 | 1] = mtu
      mixed.changed = events.now
    } else if (one.what === 'rs deaf') {
      const { stack } = rss[one.rs] as Host
      if (stack === undefined) return
      stack.isDeaf = true
      events.after(one.ms, () => {
        stack.isDeaf = false
      })
    }
  }

  /** Where it is the client of what it has opened, it may say whatever it likes but a segment. */
  #moveRs(host: Host, told: boolean): void {
    this.#move(host, told)
    if (isOut(this.#way)) this.#excuseMoved(host)
  }

  /** What is for it goes to where it was, until it says something. */
  #moveClient(host: Host): void {
    this.#move(host, false)
    this.#excuseMoved(host)
  }

  #excuseMoved(host: Host): void {
    this.#world.excuseAll('its client moved in silence', ({ client, server }) => {
      return [client, server].some(side => side?.socket.make.src === host.addresses[0])
    })
  }

  #move(host: Host, told: boolean): void {
    host.mac += 0x1_0000 * ++this.#macs
    if (told) host.announce()
  }

  #silence(rs: number, ms: number): void {
    const { rss, events } = this.#world
    ;(rss[rs] as Host).silentUntil = events.now + ms
  }

  #kill(rs: number, ms: number): void {
    const host = this.#world.rss[rs] as Host
    const isMeant = (attempt: Attempt) => this.#isOf(attempt, rs)
    this.#world.excuseAll('its RS died', isMeant)
    host.forget()
    this.#silence(rs, ms)
  }

  /** Of this RS, or of none that is known. */
  #isOf({ client, server }: Attempt, rs: number): boolean {
    const { addresses } = this.#world.rss[rs] as Host
    const isItsOwn = (side: Side | undefined) => addresses.includes(side?.socket.make.src ?? 0)
    return server === undefined || isItsOwn(server) || isItsOwn(client)
  }

  #weigh(rs: number, weight: number): void {
    for (const vport of vportsOf(this.#world.plan)) {
      const place = this.#place(rs, vport)
      const { protocol, port } = behind(vport, this.#way)
      const [vip, address] = [VIP, rsAddress(rs)].map(text => textOf(text, this.#way))
      const at = { protocol, vip: vip as string, vport, place, address: address as string }
      const { by } = this.#way
      const limits = { upperThreshold: 0, lowerThreshold: 0, backup: false }
      const how = { ...limits, forwarding: by === 'snat' ? 'fullnat' : by }
      const to = { port, weight }
      this.#world.appliance.change(`rs ${place}`, { put: 'rs', rs: { ...at, ...to, ...how } })
    }
  }

  #place(rs: number, port: number): number {
    return this.#world.appliance.placeOf(port, rs)
  }

  #cut(rs: number): void {
    this.#world.excuseAll('its RS was cut', attempt => this.#isOf(attempt, rs))
    this.#world.cutUntil = this.#world.events.now + CUT_MOST
    this.#world.mixed?.entries.excuse(CUT_MOST)
    for (const port of vportsOf(this.#world.plan)) {
      this.#world.appliance.once({ put: 'cut', place: this.#place(rs, port) })
    }
  }

  /** The second LIP goes, or comes back. */
  #lip(there: boolean): void {
    if (there === this.#hasLips) return
    this.#hasLips = there
    const { appliance } = this.#world
    const address = textOf(LIPS[1], this.#way)
    const lip = () => appliance.change('lip', { put: there ? 'lip' : 'no-lip', address, place: 1 })
    if (there) lip()
    for (const port of vportsOf(this.#world.plan)) appliance.lips(port, there ? [0, 1] : [0])
    if (!there) lip()
  }

  #restart(worker: number): void {
    const lost = this.#world.appliance.restart(worker)
    if (lost === 0) return
    if (this.#hasLips) this.#world.fail('adopt', `${lost} connections were not taken over`)
    this.#world.excuseAll('its LIP went before a restart')
    this.#world.mixed?.entries.excuse(CUT_MOST)
  }
}
