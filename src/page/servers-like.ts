/** Real servers that somebody may mean who has typed a part of one. */

import type { ServiceInfo } from '../api/commands.ts'
import { endpointText } from '../wire/ip-address.ts'

/** A longer list nobody reads. */
const OFFERED_MAX = 50

/** Each once, in the order of the services. */
export function serversLike(
  services: readonly Pick<ServiceInfo, 'real_servers'>[],
  part: string,
): string[] {
  const wanted = part.trim()
  const found = new Set<string>()
  for (const { real_servers: servers } of services) {
    for (const server of servers) {
      const name = endpointText(server)
      if (name.includes(wanted)) found.add(name)
      if (found.size === OFFERED_MAX) return [...found]
    }
  }
  return [...found]
}
