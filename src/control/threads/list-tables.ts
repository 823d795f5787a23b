/**
 * Lists of prefixes on their way to the workers: each is put together of its parts, its table is made here, and all workers get the one memory,
 * in which they count hits. So a packet thread only ever puts a pointer in another's place.
 */

import type { Change } from '../../config/changes.ts'
import type { ListPart } from '../../config/list-parts.ts'
import { unpackList } from '../../config/prefix-lists.ts'
import type { Prefixes } from '../../engine/prefix-rows.ts'
import { buildTable, PrefixTable } from '../../engine/prefix-table.ts'

/** Parts that are there, of lists that are not whole yet. */
export class ListParts {
  readonly #parts = new Map<string, string[]>()

  /** => the texts of the whole list, if this was its last part */
  add({ name, part, parts, prefixes }: ListPart): string[] | undefined {
    const all = part === 0 ? [] : (this.#parts.get(name) ?? [])
    all[part] = prefixes
    if (part + 1 < parts) {
      this.#parts.set(name, all)
      return undefined
    }
    this.#parts.delete(name)
    return all
  }
}

export function joined(parts: readonly string[]): Prefixes {
  const all = parts.map(unpackList)
  const cells = new Int32Array(all.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of all) {
    cells.set(part, at)
    at += part.length
  }
  return cells
}

interface Made {
  /** Of all parts. */
  text: string
  memory: SharedArrayBuffer
  table: PrefixTable
}

export class ListTables {
  readonly #gathered = new ListParts()
  readonly #tables = new Map<string, Made>()

  /** The changes as workers are to be told them, in their order: lists with their tables, the same for all. */
  with(changes: readonly Change[]): Change[] {
    return changes.map(change => {
      if (change.put === 'no-list') this.#tables.delete(change.name)
      if (change.put !== 'list') return change
      const whole = this.#gathered.add(change)
      return whole ? { ...change, table: this.#made(change.name, whole) } : change
    })
  }

  /** Undefined if there is none of that name. */
  find(name: string): PrefixTable | undefined {
    return this.#tables.get(name)?.table
  }

  /** One that is the same stays; another has the hits of those prefixes that were there. */
  #made(name: string, parts: readonly string[]): SharedArrayBuffer {
    const text = parts.join(' ')
    const known = this.#tables.get(name)
    if (known?.text === text) return known.memory
    const memory = buildTable(joined(parts), true) as SharedArrayBuffer
    const table = new PrefixTable(memory)
    if (known) table.takeHits(known.table)
    this.#tables.set(name, { text, memory, table })
    return memory
  }
}
