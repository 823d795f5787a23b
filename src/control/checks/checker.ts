/**
 * Health checks of all real servers: makes a Watch for each that has a check, follows the changes of the config, and says
 * what becomes of an RS. Who carries that out, and how a check reaches its RS, is the host's business.
 */

import { setInterval as every } from 'node:timers'
import { serviceName } from '../../api/edits.ts'
import type { Protocol } from '../../api/protocols.ts'
import { rsName } from '../../config/changes.ts'
import { protocolsOf } from '../../config/check-keys.ts'
import type { ConfigRealServer, ConfigService } from '../../config/config.ts'
import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import type { RsHealth } from '../readings/listings.ts'
import { CheckAddresses, checkAddress } from '../threads/check-arm.ts'
import type { HealthOptions, HealthState, Mind } from './health.ts'
import { Watch, type Watched } from './watch.ts'

/** How often the connections of passively checked RSs are looked at. */
const LOOK_MS = 500

export interface Outcomes {
  /** Counted up, modulo 2^32. */
  failed: number
  done: number
}

/** A service that only the check arm has, and its only RS: one of each of the protocols. Addresses are text. */
export interface HiddenService {
  protocols: readonly Protocol[]
  /** Seconds after which a check is over. */
  timeout: number
  address: string
  port: number
  localAddresses: string[]
  rs: { address: string; port: number }
}

export interface CheckHost {
  /** The namespace file of the check arm, which is made if there is none yet. Rejects with an Error in one line. */
  netns(isSix: boolean): Promise<string>
  hide(hidden: HiddenService): Promise<void>
  reveal(hidden: HiddenService): Promise<void>
  /** What was thought of it before this daemon began. */
  before(name: string): HealthState | undefined
  /** `health` null: it has no check any more, and gets what is configured. `state` is what it follows from, null if it is simply up. */
  setHealth(
    service: ConfigService,
    rs: ConfigRealServer,
    health: RsHealth | null,
    state: HealthState | null,
  ): void
  /** Called when an RS is found up or down. */
  changed(service: ConfigService, rs: ConfigRealServer, mind: Mind): void
  outcomes(service: ConfigService, rs: ConfigRealServer): Outcomes
  warn(text: string): void
  info(text: string): void
  /** ms; never goes back */
  now(): number
}

interface Entry {
  service: ConfigService
  rs: ConfigRealServer
  /** Another text: it has to be looked at in another way. */
  way: string
  watch: Watch
  address: number
  hidden: HiddenService | null
  seen: Outcomes
}

export class Checker {
  readonly #host: CheckHost
  readonly #addresses = new CheckAddresses()
  readonly #addresses6 = new CheckAddresses(true)
  readonly #entries = new Map<string, Entry>()
  /** Services without an RS that is up, by name, and what becomes of their new connections. */
  readonly #down = new Map<string, ConfigService['whenDown']>()
  #timer: NodeJS.Timeout | undefined
  #warned = false
  #stopped = false

  constructor(host: CheckHost) {
    this.#host = host
  }

  /** The config's services are these from now on. */
  update(services: readonly ConfigService[]): void {
    const wanted = new Set<string>()
    for (const service of services) {
      if (service.check.type === 'none' && service.passive === null) continue
      for (const rs of service.realServers) {
        // As keepalived's sorry_server: it has to be there when all that is checked is not.
        if (rs.backup) continue
        const name = rsName(service, rs)
        wanted.add(name)
        this.#put(name, service, rs)
      }
    }
    for (const [name, entry] of this.#entries) {
      if (wanted.has(name)) continue
      this.#entries.delete(name)
      this.#end(entry)
      this.#host.setHealth(entry.service, entry.rs, null, null)
    }
    for (const name of this.#down.keys())
      if (!services.some(s => serviceName(s) === name)) this.#down.delete(name)
    for (const service of services) {
      this.#judge(service)
      // Weights may have changed.
      if (this.#down.get(serviceName(service)) === 'all') this.#tellHealth(service)
    }
    const passive = services.some(service => service.passive !== null)
    if (passive) this.#timer ??= every(() => this.#look(), LOOK_MS)
    else this.#stopLooking()
  }

  /** An RS of this name is under observation. */
  watches(name: string): boolean {
    return this.#entries.has(name)
  }

  stop(): void {
    this.#stopped = true
    this.#stopLooking()
    for (const { watch } of this.#entries.values()) watch.stop()
  }

  #put(name: string, service: ConfigService, rs: ConfigRealServer): void {
    const { check, passive, localAddresses } = service
    const way = JSON.stringify([check, passive, localAddresses])
    const known = this.#entries.get(name)
    if (known?.way === way) {
      Object.assign(known, { service, rs })
      known.watch.setWeight(rs.weight)
      return
    }
    if (known) this.#end(known)
    const watched = { weight: rs.weight, check, options: optionsOf(service), target: null }
    const entry: Entry = known ?? {
      service,
      rs,
      way,
      watch: new Watch(
        watched,
        (_, mind) => this.#tell(entry, mind),
        () => this.#host.now(),
        this.#host.before(name),
      ),
      address: 0,
      hidden: null,
      seen: this.#host.outcomes(service, rs),
    }
    Object.assign(entry, { service, rs, way })
    this.#entries.set(name, entry)
    void this.#begin(entry, watched)
  }

  async #begin(entry: Entry, watched: Watched): Promise<void> {
    const { service, rs, way } = entry
    if (service.check.type === 'none') return entry.watch.start(watched)
    try {
      const isSix = isIpv6Text(rs.address)
      const address = this.#addressesOf(rs).take()
      const port = service.check.port || rs.port
      const hidden = {
        protocols: protocolsOf(service.check.type),
        timeout: service.check.timeout,
        address: checkAddress(address, isSix),
        port,
        localAddresses: service.localAddresses,
        rs: { address: rs.address, port },
      }
      Object.assign(entry, { address, hidden })
      // It may have gone, or changed, meanwhile.
      const isMeant = () => !this.#stopped && entry.hidden === hidden && entry.way === way
      const netns = await this.#host.netns(isSix)
      if (!isMeant()) return
      await this.#host.hide(hidden)
      if (!isMeant()) return
      const target = { netns, address: hidden.address, port, rs, vip: service }
      entry.watch.start({ ...watched, weight: entry.rs.weight, target })
    } catch (error) {
      if (this.#stopped) return
      entry.watch.start(watched)
      if (this.#warned) return
      this.#warned = true
      this.#host.warn(`real servers are not checked: ${(error as Error).message}`)
    }
  }

  #addressesOf({ address }: ConfigRealServer): CheckAddresses {
    return isIpv6Text(address) ? this.#addresses6 : this.#addresses
  }

  #end(entry: Entry): void {
    entry.watch.stop()
    const { hidden, address } = entry
    entry.hidden = null
    if (hidden === null) return
    this.#addressesOf(entry.rs).giveBack(address)
    void this.#host.reveal(hidden).catch(() => {
      // The packet threads are gone, and so is the service.
    })
  }

  #tell(entry: Entry, mind: Mind | undefined): void {
    const { service, rs } = entry
    if (mind) {
      const text = `${rsName(service, rs)} is ${mind.up ? 'up' : 'down'}: ${mind.reason}`
      if (mind.up) this.#host.info(text)
      else this.#host.warn(text)
      this.#host.changed(service, rs, mind)
    }
    this.#host.setHealth(service, rs, this.#healthOf(entry), entry.watch.state)
    this.#judge(service)
  }

  /** Says once when a service loses its last RS, and when it has one again; all of them may be taken for up meanwhile. */
  #judge(service: ConfigService): void {
    const name = serviceName(service)
    // Who is drained or in reserve could not take connections if it were up.
    const meant = service.realServers.filter(({ backup, weight }) => !backup && weight > 0)
    const isDown = meant.length > 0 && !meant.some(rs => this.#isUp(service, rs))
    const now = isDown ? service.whenDown : undefined
    const before = this.#down.get(name)
    if (now === before) return
    if (now === undefined) {
      this.#down.delete(name)
      // Where all are drained or deleted meanwhile, there is none again.
      if (meant.length > 0) this.#host.info(`${name} has a real server again`)
    } else {
      this.#down.set(name, now)
      this.#host.warn(`${name} has no real server that is up: ${downText(service)}`)
    }
    if (now === 'all' || before === 'all') this.#tellHealth(service)
  }

  #tellHealth(service: ConfigService): void {
    for (const rs of service.realServers) {
      const entry = this.#entries.get(rsName(service, rs))
      if (entry) this.#host.setHealth(service, rs, this.#healthOf(entry), entry.watch.state)
    }
  }

  /** What its checks leave of it; all that is configured while every one of the service has failed and that is to count nothing. */
  #healthOf({ service, rs, watch }: Entry): RsHealth {
    if (this.#down.get(serviceName(service)) !== 'all') return watch.told
    return { inhibited: false, weight: rs.weight }
  }

  #isUp(service: ConfigService, rs: ConfigRealServer): boolean {
    return this.#entries.get(rsName(service, rs))?.watch.up ?? true
  }

  #look(): void {
    for (const entry of this.#entries.values()) {
      if (entry.service.passive === null) continue
      const now = this.#host.outcomes(entry.service, entry.rs)
      const { failed, done } = entry.seen
      entry.seen = now
      entry.watch.connections((now.failed - failed) | 0, (now.done - done) | 0)
    }
  }

  #stopLooking(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** What becomes of new connections while no RS is up that could take them. */
function downText({ whenDown, realServers }: ConfigService): string {
  if (whenDown === 'all') return 'all of them take new connections as if none had failed'
  const backup = realServers.find(rs => rs.backup && rs.weight > 0)
  if (backup) return `new connections go to the backup ${hostText(backup.address)}:${backup.port}`
  return `new connections are ${whenDown === 'reject' ? 'rejected' : 'dropped'}`
}

function optionsOf({ check, passive }: ConfigService): HealthOptions {
  const ms = (seconds: number) => seconds * 1000
  return {
    active:
      check.type === 'none'
        ? null
        : {
            intervalMs: ms(check.interval),
            maxIntervalMs: ms(check.maxInterval),
            rise: check.rise,
            fall: check.fall,
          },
    passive: passive && {
      failures: passive.failures,
      withinMs: ms(passive.within),
      minMs: ms(passive.min),
      maxMs: ms(passive.max),
    },
    slowStartMs: ms(check.slowStart),
  }
}
