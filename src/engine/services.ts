/** Services by what a packet is sent to. */

import type { Service } from './service.ts'

export class Services {
  readonly #byAddress = new Map<number, Map<number, Service>>()

  add(service: Service): void {
    const ports = this.#byAddress.get(service.vip) ?? new Map<number, Service>()
    this.#byAddress.set(service.vip, ports)
    ports.set((service.protocol << 16) | service.vport, service)
  }

  /** => what was there */
  remove(protocol: number, vip: number, vport: number): Service | undefined {
    const service = this.find(protocol, vip, vport)
    this.#byAddress.get(vip)?.delete((protocol << 16) | vport)
    return service
  }

  /** In no order of meaning. */
  all(): Service[] {
    return [...this.#byAddress.values()].flatMap(ports => [...ports.values()])
  }

  /** Some service has this address. */
  has(vip: number): boolean {
    const ports = this.#byAddress.get(vip)
    return ports !== undefined && ports.size > 0
  }

  find(protocol: number, vip: number, vport: number): Service | undefined {
    return this.#byAddress.get(vip)?.get((protocol << 16) | vport)
  }
}
