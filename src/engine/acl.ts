/**
 * Whom a service takes: lists of prefixes, each under a name by which several services may use it (semantics 8.2). A client that a deny
 * list holds is refused; where there is an allow list so is one that none of them holds. Asked for what opens a connection, or
 * belongs to none, never for a packet of one.
 */

import { KEY } from './conn-layout.ts'
import { Drop } from './counters.ts'
import type { Parsed } from './parsed.ts'
import { NOBODY, PrefixTable } from './prefix-table.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { ACL_DENIED, ACL_NOT_ALLOWED } = Drop
const { IPV6 } = KEY

/** A list; another table takes the place of the one before at once. */
export interface PrefixList {
  readonly name: string
  table: PrefixTable
}

export interface AclImage {
  deny: string[]
  /** null: everybody is allowed who is not denied. */
  allow: string[] | null
  cuts: boolean
}

export class Acl {
  readonly #deny: readonly PrefixList[]
  readonly #allow: readonly PrefixList[] | null
  /** Connections that a change of a list refuses end; else only new ones are refused. */
  readonly cuts: boolean

  constructor(deny: readonly PrefixList[], allow: readonly PrefixList[] | null, cuts: boolean) {
    this.#deny = deny
    this.#allow = allow
    this.cuts = cuts
  }

  /** Of a client's packet that belongs to no connection. => 0, or the drop reason. Counts hits. */
  judge({ key, saddr, source }: Parsed): number {
    const isSix = key >= IPV6
    const deny = this.#deny
    for (let i = 0; i < deny.length; i++) {
      const { table } = deny[i]
      const prefix = isSix ? table.find6(source, 0) : table.find(saddr)
      if (prefix === NOBODY) continue
      table.hit(prefix)
      return ACL_DENIED
    }
    const allow = this.#allow
    if (allow === null) return 0
    for (let i = 0; i < allow.length; i++) {
      const { table } = allow[i]
      const prefix = isSix ? table.find6(source, 0) : table.find(saddr)
      table.hit(prefix)
      if (prefix !== NOBODY) return 0
    }
    return ACL_NOT_ALLOWED
  }

  /** The same of a client's address, of IPv6 in four cells from `at` on, and nothing is counted. */
  refuses(address: number): boolean {
    return this.#refuses(table => table.find(address))
  }

  refuses6(cells: Int32Array, at: number): boolean {
    return this.#refuses(table => table.find6(cells, at))
  }

  #refuses(find: (table: PrefixTable) => number): boolean {
    const holds = ({ table }: PrefixList) => find(table) !== NOBODY
    return this.#deny.some(holds) || (this.#allow !== null && !this.#allow.some(holds))
  }

  save(): AclImage {
    const names = (lists: readonly PrefixList[]) => lists.map(({ name }) => name)
    return {
      deny: names(this.#deny),
      allow: this.#allow === null ? null : names(this.#allow),
      cuts: this.cuts,
    }
  }
}

export interface ListImage {
  name: string
  prefixes: Int32Array
}

/** All lists by name. */
export class PrefixLists {
  readonly #lists = new Map<string, PrefixList>()

  /** `memory` is that of buildTable(). */
  put(name: string, memory: ArrayBufferLike): void {
    const table = new PrefixTable(memory)
    const known = this.#lists.get(name)
    if (known === undefined) this.#lists.set(name, { name, table })
    else known.table = table
  }

  remove(name: string): void {
    this.#lists.delete(name)
  }

  /** Throws RangeError for a name that is none's. */
  acl({ deny, allow, cuts }: AclImage): Acl {
    const listOf = (name: string) => {
      const list = this.#lists.get(name)
      if (list === undefined) throw new RangeError(`no list ${name}`)
      return list
    }
    return new Acl(deny.map(listOf), allow?.map(listOf) ?? null, cuts)
  }

  save(): ListImage[] {
    return [...this.#lists.values()].map(({ name, table }) => ({
      name,
      prefixes: table.prefixes(),
    }))
  }
}
