/** The network and the config of all worlds: clients on one arm, RSs and LIPs on the other. */

import type { Plan } from './plan.ts'

export const VIP = '202.108.10.1'
export const VPORT = 6379
/** Its servers speak first. */
export const BANNER_PORT = 6380
export const LIPS = ['192.168.168.7', '192.168.168.8'] as const
/** Of the first RS; the others' follow. */
export const MAC_OF_RS = 0x5254_0000_0102
export const rsAddress = (rs: number) => `192.168.168.${11 + rs}`

export function configOf({ workers, toa, tableSize, rss, fixed, halfClosed }: Plan): string {
  const servers = Array.from({ length: rss }, (_, rs) => `{ address: ${rsAddress(rs)}, port: 80 }`)
  const service = (port: number) =>
    `  - { address: ${VIP}, port: ${port}, scheduler: rr, real_servers: [${servers.join(', ')}] }`
  const known = Array.from({ length: rss }, (_, rs) => {
    const mac = (MAC_OF_RS + rs).toString(16).replace(/..(?!$)/g, '$&:')
    return `{ address: ${rsAddress(rs)}, mac: ${mac} }`
  })
  return `
arms:
  - { name: dpdk0, addresses: [${VIP}/32], routes: [{ to: 202.108.10.0/24 }] }
  - name: dpdk1
    addresses: [192.168.168.3/32]
    local_addresses: [${LIPS.join(', ')}]
    routes: [{ to: 192.168.168.0/24 }]
    neighbours: [${fixed ? known.join(', ') : ''}]
services:
${service(VPORT)}
${service(BANNER_PORT).replaceAll('port: 80 ', 'port: 81 ')}
tcp: { toa: ${toa}, timeouts: { fin_wait: ${halfClosed}, close_wait: ${halfClosed}, time_wait: ${halfClosed} } }
connections: { table_size: ${tableSize} }
workers: { count: ${workers} }
`
}
