/** What the daemon says of itself in one line. */

import type { Config } from './config.ts'

/** What `systemctl status` shows. */
export function statusText({ services, workers }: Config): string {
  const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  return `${many(services.length, 'service')}, ${many(workers.count, 'worker')}`
}

/** In the log, once it runs. */
export function readyText(config: Config): string {
  const arms = config.arms.map(({ name, netns }) => (netns ? `${name} (${netns})` : name))
  const services = config.services.map(
    ({ address, port, scheduler }) => `TCP ${address}:${port} ${scheduler}`,
  )
  const { count } = config.workers
  const { http } = config.control
  const threads = count === 1 ? '1 worker' : `${count} workers`
  return `TAPVS: ready, ${threads}, arms ${arms.join(', ')}; services ${services.join(', ') || 'none'}; socket ${config.control.socket}${http ? `, http://${http.address}:${http.port}` : ''}`
}
