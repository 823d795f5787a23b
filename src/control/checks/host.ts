/**
 * The daemon's health checks: carries out what the Checker finds out, in all workers, one step after the other with the
 * changes of the config.
 */

import { performance } from 'node:perf_hooks'
import { isService, serviceName } from '../../api/edits.ts'
import type { Protocol } from '../../api/protocols.ts'
import { FORWARDINGS } from '../../api/words.ts'
import { type Change, rsName, type ServiceChange } from '../../config/changes.ts'
import { wholeLength } from '../../config/cidr.ts'
import type { ConfigRealServer, ConfigService } from '../../config/config.ts'
import { closeFd } from '../../io/native.ts'
import type { ModuleLog } from '../log/log.ts'
import type { Events } from '../model/events.ts'
import { CHANGES_AT_ONCE, type Model } from '../model/model.ts'
import type { RsHealth } from '../readings/listings.ts'
import { type CheckNetns, gatewaySix, mtuOfChecks, openCheckNetns } from '../threads/check-arm.ts'
import type { Workers } from '../threads/workers.ts'
import { Checker, type CheckHost, type HiddenService, type Outcomes } from './checker.ts'
import type { HealthState, Mind } from './health.ts'
import type { KeptHealth } from './kept-health.ts'

/** What they take of the daemon. */
export interface Around {
  model: Model
  workers: Workers
  events: Events
}

export class Checks implements CheckHost {
  readonly #model: Model
  readonly #workers: Workers
  readonly #log: ModuleLog
  readonly #events: Events
  readonly #kept: KeptHealth
  readonly #checker = new Checker(this)
  readonly #forget: () => void
  #netns: CheckNetns | null = null
  /** Its IPv6, from the first RS on that needs it. */
  #six: Promise<void> | undefined
  /** What has still to be told to the workers, by the RS's name. */
  readonly #pending = new Map<string, { service: ConfigService; rs: ConfigRealServer }>()
  /** RSs whose connections the workers were told to end, by name. */
  readonly #cut = new Set<string>()

  /** Begins; the workers have to run, with what the model has of `kept`. */
  constructor({ model, workers, events }: Around, log: ModuleLog, kept: KeptHealth) {
    this.#model = model
    this.#workers = workers
    this.#log = log
    this.#events = events
    this.#kept = kept
    this.#forget = model.onChange(() => this.#checker.update(model.config.services))
    for (const [name, { inhibited }] of kept.told())
      if (inhibited) model.reasons.set(name, kept.of(name)?.reason ?? '')
    this.#checker.update(model.config.services)
    this.#tidy()
  }

  /** Real servers that were watched before and are not any more. */
  #tidy(): void {
    const { config, health, reasons } = this.#model
    for (const service of config.services)
      for (const rs of service.realServers) {
        const name = rsName(service, rs)
        if (health.has(name) && !this.#checker.watches(name))
          this.setHealth(service, rs, null, null)
      }
    for (const name of [...health.keys()]) {
      if (this.#checker.watches(name)) continue
      health.delete(name)
      reasons.delete(name)
      this.#kept.set(name, null)
    }
  }

  before(name: string): HealthState | undefined {
    return this.#kept.of(name)?.state
  }

  /** A second time changes nothing. */
  stop(): void {
    this.#forget()
    this.#checker.stop()
    this.#netns?.close()
    this.#netns = null
  }

  async netns(isSix: boolean): Promise<string> {
    const netns = this.#open()
    if (!isSix) return netns.path
    this.#six ??= this.#addSix(netns)
    await this.#six
    return netns.path
  }

  async #addSix(netns: CheckNetns): Promise<void> {
    try {
      netns.addSix()
      const { arms } = this.#model.config
      await this.#model.exclusively(() => this.#carryOut(gatewaySix(arms.length)))
    } catch (error) {
      this.#six = undefined
      throw error
    }
  }

  #open(): CheckNetns {
    if (this.#netns) return this.#netns
    const { arms, workers } = this.#model.config
    const netns = openCheckNetns(workers.count, mtuOfChecks(arms))
    try {
      this.#workers.attachCheckArm(netns.fds)
    } catch (error) {
      for (const fd of netns.fds) closeFd(fd)
      netns.close()
      throw error
    }
    this.#netns = netns
    return netns
  }

  hide(hidden: HiddenService): Promise<void> {
    const { places, config } = this.#model
    return this.#model.exclusively(() => {
      const lips = hidden.localAddresses
        .map(lip => places.lips.find(lip))
        .filter(place => place >= 0)
      const { address, port } = hidden
      const limits = {
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        forwarding: FORWARDINGS[0],
      }
      const changes = hidden.protocols.flatMap((protocol): Change[] => {
        const service: ServiceChange = {
          protocol,
          address,
          port,
          lips,
          scheduler: 'rr',
          // UDP has no end: the lport is not to be held for minutes by a check that is long over.
          connTimeout: protocol === 'udp' ? Math.ceil(hidden.timeout) + 1 : 0,
          persistence: { timeout: 0, prefix: wholeLength(address) },
          whenDown: 'drop',
          onlyArm: config.arms.length,
        }
        const place = places.dests.take(nameOf(hidden, protocol))
        const rs = {
          ...hidden.rs,
          ...limits,
          weight: 1,
          protocol,
          vip: address,
          vport: port,
          place,
        }
        return [
          { put: 'service', service },
          { put: 'rs', rs },
        ]
      })
      return this.#carryOut(changes)
    })
  }

  reveal(hidden: HiddenService): Promise<void> {
    const { address, port, rs, protocols } = hidden
    return this.#model.exclusively(async () => {
      await this.#carryOut(
        protocols.flatMap((protocol): Change[] => [
          { put: 'no-rs', protocol, vip: address, vport: port, ...rs },
          { put: 'no-service', protocol, address, port },
        ]),
      )
      for (const protocol of protocols) this.#model.places.dests.leave(nameOf(hidden, protocol))
    })
  }

  setHealth(
    service: ConfigService,
    rs: ConfigRealServer,
    health: RsHealth | null,
    state: HealthState | null,
  ): void {
    const name = rsName(service, rs)
    const reason = this.#model.reasons.get(name) ?? ''
    this.#kept.set(name, health && state && { told: health, reason, state })
    if (health === null) {
      this.#model.health.delete(name)
      this.#model.reasons.delete(name)
    } else this.#model.health.set(name, health)
    const first = this.#pending.size === 0
    this.#pending.set(name, { service, rs })
    if (first) void this.#model.exclusively(() => this.#tellWorkers()).catch(this.#gone)
  }

  changed(service: ConfigService, rs: ConfigRealServer, { up, reason }: Mind): void {
    const { reasons } = this.#model
    if (up) reasons.delete(rsName(service, rs))
    else reasons.set(rsName(service, rs), reason)
    this.#events.emit('server', {
      service: { protocol: service.protocol, address: service.address, port: service.port },
      server: { address: rs.address, port: rs.port },
      up,
      reason,
    })
  }

  outcomes(service: ConfigService, rs: ConfigRealServer): Outcomes {
    const { places, readings } = this.#model
    return readings.outcomes(places.dests.find(rsName(service, rs)))
  }

  warn(text: string): void {
    this.#log.warn(`CHECK: ${text}`)
  }

  info(text: string): void {
    this.#log.info(`CHECK: ${text}`)
  }

  now(): number {
    return performance.now()
  }

  /** Many RSs may change at a time; what the config no longer has needs no telling. */
  async #tellWorkers(): Promise<void> {
    const { config, places } = this.#model
    const changes: Change[] = []
    for (const [name, { service, rs }] of this.#pending) {
      const { protocol, address: vip, port: vport } = service
      const now = config.services
        .find(other => isService(other, service))
        ?.realServers.find(({ address, port }) => address === rs.address && port === rs.port)
      if (!now) {
        this.#cut.delete(name)
        continue
      }
      const place = places.dests.find(name)
      changes.push(
        { put: 'rs', rs: { ...now, protocol, vip, vport, place } },
        ...this.#cutting(name, service, place),
      )
    }
    this.#pending.clear()
    for (let i = 0; i < changes.length; i += CHANGES_AT_ONCE) {
      await this.#carryOut(changes.slice(i, i + CHANGES_AT_ONCE).map(this.#model.withHealth))
    }
  }

  /** Connections of an RS that is down end with check.on_down: reset, and those that are left when it is up again live on. */
  #cutting(name: string, { check }: ConfigService, place: number): Change[] {
    const down = this.#model.health.get(name)?.inhibited === true
    const cut = down && check.onDown === 'reset'
    if (cut === this.#cut.has(name)) return []
    if (cut) this.#cut.add(name)
    else this.#cut.delete(name)
    return [{ put: cut ? 'cut' : 'no-cut', place }]
  }

  #carryOut(changes: readonly Change[]): Promise<void> {
    return this.#workers.change(changes)
  }

  /** The packet threads are gone, or one has failed to carry out a change; the former is told elsewhere. */
  readonly #gone = (error: Error) => this.warn(error.message)
}

/** What the place of a hidden RS is taken for. */
function nameOf({ address, port }: HiddenService, protocol: Protocol): string {
  return `check ${serviceName({ protocol, address, port })}`
}
