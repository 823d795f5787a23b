/**
 * What an outside health checker has told of real servers (PUT rs/health). It sets the weight that runs; the weight that
 * the operator gave is kept here, so that the version of a service, which says whether a checker knows its real servers
 * as they are, changes by what operators do and not by what checkers do.
 */

import { createHash } from 'node:crypto'
import type { RealServerInfo, ServiceInfo } from '../../../api/commands.ts'
import { type ServiceKey, serviceName } from '../../../api/edits.ts'
import { hostText } from '../../../wire/ip-address.ts'

interface Word {
  /** The operator's. */
  weight: number
  /** The one that was set; when another one runs, somebody else has been there since. */
  set: number
  inhibited: boolean
}

type Rs = Pick<RealServerInfo, 'address' | 'port' | 'weight'>

export class Told {
  readonly #words = new Map<string, Word>()

  /** => the weight that `rs` is to have from now on */
  tell(service: ServiceKey, rs: Rs, weight: number, inhibited: boolean): number {
    const set = inhibited ? 0 : weight
    this.#words.set(nameOf(service, rs), { weight: this.weight(service, rs), set, inhibited })
    return set
  }

  /** An operator adds it with a weight, and as inhibited. */
  add(service: ServiceKey, rs: Rs): void {
    this.#words.set(nameOf(service, rs), { weight: rs.weight, set: 0, inhibited: true })
  }

  forget(service: ServiceKey, rs: Omit<Rs, 'weight'>): void {
    this.#words.delete(nameOf(service, rs))
  }

  /** The operator's weight. */
  weight(service: ServiceKey, rs: Rs): number {
    return this.#word(service, rs)?.weight ?? rs.weight
  }

  inhibited(service: ServiceKey, rs: Rs): boolean {
    return this.#word(service, rs)?.inhibited ?? false
  }

  /** In digits, because some take it for a number. */
  version(service: ServiceInfo): string {
    const text = service.real_servers
      .map(rs => `${hostText(rs.address)}:${rs.port} ${this.weight(service, rs)}`)
      .sort()
      .join('\n')
    const digest = createHash('sha256').update(`${service.scheduler}\n${text}`).digest()
    return String(digest.readUIntBE(0, 6))
  }

  #word(service: ServiceKey, rs: Rs): Word | undefined {
    const name = nameOf(service, rs)
    const word = this.#words.get(name)
    if (!word || word.set === rs.weight) return word
    this.#words.delete(name)
    return undefined
  }
}

function nameOf(service: ServiceKey, rs: Omit<Rs, 'weight'>): string {
  return `${serviceName(service)} ${hostText(rs.address)}:${rs.port}`
}
