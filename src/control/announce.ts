/** What the daemon says of itself in one line. */

import type { ServiceInfo } from '../api/commands.ts'
import { serviceName } from '../api/edits.ts'
import type { Config } from '../config/config.ts'
import { counted } from '../see/text/counted.ts'
import type { AdoptedState, Times } from './threads/protocol.ts'

/** Services that are named when it stops; the rest is a number. */
const NAMED = 5

/** What `systemctl status` shows. */
export function statusText({ services, workers }: Config): string {
  return `${counted(services.length, 'service')}, ${counted(workers.count, 'worker')}`
}

/** In the log, once it runs. */
export function readyText(config: Config): string {
  const arms = config.arms.map(({ name, netns }) => (netns ? `${name} (${netns})` : name))
  const services = config.services.map(service => `${serviceName(service)} ${service.scheduler}`)
  const { http } = config.control
  const threads = counted(config.workers.count, 'worker')
  return `TAPVS: ready, ${threads}, arms ${arms.join(', ')}; services ${services.join(', ') || 'none'}; socket ${config.control.socket}${http ? `, http://${http.address}:${http.port}` : ''}`
}

/** In the log, once connections of an earlier daemon go on; '' if there was none. */
export function tookText(workers: readonly (AdoptedState | undefined)[]): string {
  const adopted = workers.filter(worker => worker !== undefined)
  if (adopted.length === 0) return ''
  const sum = (of: keyof AdoptedState) => adopted.reduce((all, worker) => all + worker[of], 0)
  const conns = counted(sum('conns'), 'connection')
  return `TAPVS: took over ${conns}, ${sum('cleared')} cleared, ${counted(sum('neighbours'), 'neighbour')}`
}

/** In the log at debug: when a worker could begin, what it took until it forwarded, and whether that was before the rest was loaded. */
export function startText(worker: number, { began, built, ready }: Times, first: boolean): string {
  const ms = (from: number, to: number) => `${(to - from).toFixed(1)} ms`
  const time = new Date(began).toISOString().slice(11)
  return `TAPVS: worker ${worker} began at ${time}, ${ms(performance.timeOrigin, began)} after the process; engine ${ms(began, built)}, records ${ms(built, ready)}${first ? '; first of all' : ''}`
}

/**
 * The log line when a signal ends the daemon: connections left by service, the most first; they get `drain` seconds to end. If they are
 * `stored` they may go on after that.
 */
export function stopText(
  signal: string,
  services: readonly ServiceInfo[],
  drain: number,
  stored = false,
): string {
  const left = services
    .map(service => ({ name: serviceName(service), conns: connsOf(service) }))
    .filter(({ conns }) => conns > 0)
    .sort((a, b) => b.conns - a.conns)
  const sum = left.reduce((total, { conns }) => total + conns, 0)
  const begin = `TAPVS: stopping on ${signal}`
  if (sum === 0) return `${begin}, no connection is left`
  const list = left.slice(0, NAMED).map(({ name, conns }) => `${conns} of ${name}`)
  const others = left.slice(NAMED).reduce((total, { conns }) => total + conns, 0)
  if (others > 0) list.push(`${others} of ${left.length - NAMED} more`)
  const many = counted(sum, 'connection')
  const over = stored ? `${many} cut off unless it is started again at once` : `${many} cut off`
  const what = drain === 0 ? over : `${drain} s for ${many} to end`
  return `${begin}, ${what}: ${list.join(', ')}`
}

function connsOf({ real_servers: realServers }: ServiceInfo): number {
  return realServers.reduce((sum, rs) => sum + rs.active_conns + rs.inactive_conns, 0)
}
