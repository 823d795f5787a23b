/** For tests of the importers: their samples, and what they make of them in one line per service. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'
import { type ImportedService, keyOf } from '../../src/config/import/imported.ts'
import { hostText } from '../../src/wire/ip-address.ts'

export const SAMPLES = join(CHECKOUT, 'test/config/import/samples')

export function sample(name: string): string {
  return readFileSync(join(SAMPLES, name), 'utf8')
}

/** `VIP:vport rr fallback port qid timeout 30 LIPs A B -> RIP:rport w3 x10 y5 backup, ...`; what is not set is left out. */
export function brief(services: readonly ImportedService[]): string[] {
  return services.map(service => {
    const words = [keyOf(service)]
    if (service.one_packet) words.push('ops')
    if (service.quic) words.push('quic')
    if (service.scheduler && service.scheduler !== 'wrr') words.push(service.scheduler)
    const { hash_fallback, hash_port, hash_target } = service
    words.push(...(hash_fallback ? ['fallback'] : []), ...(hash_port ? ['port'] : []))
    if (hash_target !== undefined) words.push(hash_target)
    if (service.conn_timeout) words.push(`timeout ${service.conn_timeout}`)
    if (service.persistence)
      words.push(`persistence ${service.persistence}/${service.persistence_prefix ?? 32}`)
    for (const list of ['deny', 'allow'] as const)
      if (service[list]) words.push(list, ...service[list])
    if (service.local_addresses) words.push('LIPs', ...service.local_addresses)
    const servers = (service.real_servers ?? []).map(server => {
      const { address, port, weight, upper_threshold, lower_threshold, backup, forwarding } = server
      const numbers = { w: weight, x: upper_threshold, y: lower_threshold }
      const given = Object.entries(numbers).filter(([, value]) => value !== undefined)
      const words = given.map(([name, value]) => `${name}${value}`)
      return [
        `${hostText(address)}:${port}`,
        ...words,
        ...(backup ? ['backup'] : []),
        ...(forwarding ? [forwarding] : []),
      ].join(' ')
    })
    return `${words.join(' ')} -> ${servers.join(', ')}`.trim()
  })
}
