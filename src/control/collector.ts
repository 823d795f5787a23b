/** Reads what the packets have counted: rates on a timer, everything at once when it is asked for. */

import type { AddressInfo, ServiceInfo } from './commands.ts'
import { type NumbersInfo, processInfo, type WorkerNumbers } from './numbers.ts'
import { Rates, SAMPLE_MS } from './rates.ts'

/** Where the counters are read. What throws is told to whoever asks, and passed over by the timer. */
export interface Source {
  services(): Promise<ServiceInfo[]>
  addresses(): Promise<AddressInfo[]>
  workers(): Promise<WorkerNumbers[]>
}

export class Collector {
  readonly #source: Source
  readonly #rates = new Rates()
  #timer: NodeJS.Timeout | undefined

  constructor(source: Source) {
    this.#source = source
  }

  /** Begins to sample rates. */
  start(): void {
    const sample = async () => {
      try {
        this.#rates.sample(await this.#source.services(), performance.now())
      } catch {
        // The next sample is taken over the time of both.
      }
    }
    this.#timer = setInterval(() => void sample(), SAMPLE_MS)
    this.#timer.unref()
    void sample()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** With their rates. */
  async services(): Promise<ServiceInfo[]> {
    const services = await this.#source.services()
    return services.map(service => ({
      ...service,
      realServers: service.realServers.map(rs => ({ ...rs, rates: this.#rates.of(service, rs) })),
    }))
  }

  async numbers(): Promise<NumbersInfo> {
    const [services, addresses, workers] = await Promise.all([
      this.services(),
      this.#source.addresses(),
      this.#source.workers(),
    ])
    return { atMs: Date.now(), process: processInfo(), services, addresses, workers }
  }
}
