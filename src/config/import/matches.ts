/** Match services as they are read: one for each protocol and its criteria. */

import { matchText } from '../../api/match.ts'
import { DEFAULT_PROTOCOL } from '../../api/protocols.ts'
import type { ConfigInput } from '../write.ts'

export type ImportedRule = NonNullable<ConfigInput['snat']>[number]

export class Matches {
  readonly #rules = new Map<string, ImportedRule>()

  get all(): ImportedRule[] {
    return [...this.#rules.values()]
  }

  /** => false if there is one with this protocol and these criteria */
  add(rule: ImportedRule): boolean {
    if (this.find(rule)) return false
    this.#rules.set(keyOf(rule), rule)
    return true
  }

  /** The one that says the same. */
  find(rule: ImportedRule): ImportedRule | undefined {
    return this.#rules.get(keyOf(rule))
  }

  delete(rule: ImportedRule): void {
    this.#rules.delete(keyOf(rule))
  }

  clear(): void {
    this.#rules.clear()
  }
}

function keyOf(rule: ImportedRule): string {
  return `${rule.protocol ?? DEFAULT_PROTOCOL},${matchText(rule)}`
}
