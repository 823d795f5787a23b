/**
 * What packets are ours though they are for no address of ours: what an RS answers by NAT, and what goes out by SNAT. Kept of the changes that
 * workers are told, and of what has gone as long as connections hold its place, for these go on.
 */

import type { Protocol } from '../../api/protocols.ts'
import { type Change, type RsKey, rsNameOf } from '../../config/changes.ts'
import type { ConfigMatch } from '../../config/snat.ts'
import type { Quiet } from './memory.ts'

/** It answers its clients from here. */
export interface NatServer {
  protocol: Protocol
  address: string
  port: number
}

/** What goes out by SNAT. */
export interface WayOut {
  protocol: Protocol
  match: ConfigMatch
}

export interface WaysOf {
  servers: readonly NatServer[]
  out: readonly WayOut[]
}

export const NO_WAYS: WaysOf = { servers: [], out: [] }

/** An RS, or an address of a match service, to which connections go another way than by FullNAT. */
interface End extends RsKey {
  place: number
  isNat: boolean
  /** Connections are opened to it. */
  isThere: boolean
}

export class Ways {
  readonly #isQuiet: Quiet['dests']
  readonly #ends = new Map<string, End>()
  /** Names by place. */
  readonly #places = new Map<number, string>()
  /** By protocol and criteria; of those that are gone too, as long as an end is. */
  readonly #matches = new Map<string, WayOut & { isThere: boolean }>()

  /** `isQuiet` says that no connection holds the place of an RS. */
  constructor(isQuiet: Quiet['dests'], changes: readonly Change[] = []) {
    this.#isQuiet = isQuiet
    this.note(changes)
  }

  /** They are about to be carried out. => whether some other packets are ours then */
  note(changes: readonly Change[]): boolean {
    const before = this.#ends.size + this.#matches.size
    let isNew = false
    for (const change of changes) isNew = this.#note(change) || isNew
    return isNew || this.#ends.size + this.#matches.size !== before
  }

  /** Some have gone, and their connections may go on. */
  get some(): boolean {
    for (const { isThere } of this.#ends.values()) if (!isThere) return true
    return false
  }

  /** Forgets what has gone and nobody holds. => whether there was some */
  forget(): boolean {
    const before = this.#ends.size + this.#matches.size
    for (const [name, { isThere, place }] of this.#ends)
      if (!isThere && this.#isQuiet(place)) this.#drop(name)
    const held = new Set([...this.#ends.values()].map(matchKey))
    for (const [key, { isThere }] of this.#matches)
      if (!isThere && !held.has(key)) this.#matches.delete(key)
    return this.#ends.size + this.#matches.size !== before
  }

  /** All of them. */
  get all(): WaysOf {
    if (this.#ends.size === 0) return NO_WAYS
    const servers = [...this.#ends.values()].filter(({ isNat }) => isNat)
    return { servers, out: [...this.#matches.values()] }
  }

  /** => whether it is new */
  #note(change: Change): boolean {
    switch (change.put) {
      case 'rs':
        return this.#put(change.rs)
      case 'no-rs':
        this.#goes(this.#ends.get(rsNameOf(change)))
        return false
      case 'service': {
        const { protocol, address, port, match } = change.service
        if (match === undefined) return false
        const key = matchKey({ protocol, vip: address, vport: port })
        const isNew = !this.#matches.has(key)
        this.#matches.set(key, { protocol, match, isThere: true })
        return isNew
      }
      case 'no-service': {
        const key = matchKey({ ...change, vip: change.address, vport: change.port })
        for (const end of this.#ends.values()) if (matchKey(end) === key) this.#goes(end)
        const match = this.#matches.get(key)
        if (match) match.isThere = false
        return false
      }
      default:
        return false
    }
  }

  #put(rs: Extract<Change, { put: 'rs' }>['rs']): boolean {
    const name = rsNameOf(rs)
    const { place, forwarding } = rs
    const known = this.#ends.get(name)
    const before = this.#places.get(place)
    // The place is another's only because nobody held it.
    if (before !== undefined && before !== name) this.#drop(before)
    // One that has come back is at another place, and its old one may become anybody's.
    if (known !== undefined && known.place !== place) this.#places.delete(known.place)
    const isNat = forwarding === 'nat'
    if (!isNat && forwarding !== 'snat') {
      this.#goes(known)
      return false
    }
    const { protocol, vip, vport, address, port } = rs
    const key = { protocol, vip, vport, address, port }
    this.#ends.set(name, { ...key, place, isNat, isThere: true })
    this.#places.set(place, name)
    return known === undefined
  }

  #goes(end: End | undefined): void {
    if (end) end.isThere = false
  }

  #drop(name: string): void {
    const end = this.#ends.get(name)
    if (end) this.#places.delete(end.place)
    this.#ends.delete(name)
  }
}

function matchKey({ protocol, vip, vport }: Pick<RsKey, 'protocol' | 'vip' | 'vport'>): string {
  return `${protocol} ${vip} ${vport}`
}
