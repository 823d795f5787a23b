/** The network and the config of all worlds: clients on one arm, RSs and LIPs on the other. */

import type { Mixed } from './mixed-plan.ts'
import type { Plan } from './plan.ts'

export const VIP = '202.108.10.1'
export const VPORT = 6379
/** Its servers speak first. */
export const BANNER_PORT = 6380
export const LIPS = ['192.168.168.7', '192.168.168.8'] as const
/** Of the first RS; the others' follow. */
export const MAC_OF_RS = 0x5254_0000_0102
export const rsAddress = (rs: number) => `192.168.168.${11 + rs}`

/** Of mixed worlds: who asks is answered, and of whom each datagram is scheduled for itself. Ports of the RSs, and of the VIP. */
export const UDP_SERVICES = [
  { port: 53, vport: 5353 },
  { port: 54, vport: 5454 },
] as const

/** Ports of the VIP that a world has. */
export function vportsOf({ mixed }: Plan): number[] {
  return [VPORT, BANNER_PORT, ...(mixed ? UDP_SERVICES.map(({ vport }) => vport) : [])]
}

/** What is behind a port of the VIP. */
export function behind(vport: number): { protocol: 'tcp' | 'udp'; port: number } {
  const udp = UDP_SERVICES.find(service => service.vport === vport)
  return udp
    ? { protocol: 'udp', port: udp.port }
    : { protocol: 'tcp', port: vport === VPORT ? 80 : 81 }
}

export function configOf(plan: Plan): string {
  const { workers, toa, tableSize, rss, fixed, halfClosed, mixed, proxy, syn } = plan
  const header = proxy && `${proxy.version}${proxy.insecure ? '-insecure' : ''}`
  const mtu = (arm: 0 | 1) => (mixed ? `, mtu: ${mixed.mtus[arm]}` : '')
  const servers = Array.from({ length: rss }, (_, rs) => `{ address: ${rsAddress(rs)}, port: 80 }`)
  const service = (port: number) =>
    `  - { address: ${VIP}, port: ${port}, scheduler: rr, proxy_protocol: ${header ?? 'off'}, syn_proxy: ${syn ? 'on' : 'off'}, real_servers: [${servers.join(', ')}] }`
  const known = Array.from({ length: rss }, (_, rs) => {
    const mac = (MAC_OF_RS + rs).toString(16).replace(/..(?!$)/g, '$&:')
    return `{ address: ${rsAddress(rs)}, mac: ${mac} }`
  })
  return `
arms:
  - { name: dpdk0, addresses: [${VIP}/32], routes: [{ to: 202.108.10.0/24 }]${mtu(0)} }
  - name: dpdk1${mtu(1).replace(', ', '\n    ')}
    addresses: [192.168.168.3/32]
    local_addresses: [${LIPS.join(', ')}]
    routes: [{ to: 192.168.168.0/24 }]
    neighbours: [${fixed ? known.join(', ') : ''}]
services:
${service(VPORT)}
${service(BANNER_PORT).replaceAll('port: 80 ', 'port: 81 ')}
${mixed ? udpServices(mixed, servers) : ''}tcp: { toa: ${toa}, ${mixed?.xmitTtl ? 'xmit_ttl: true, ' : ''}timeouts: { fin_wait: ${halfClosed}, close_wait: ${halfClosed}, time_wait: ${halfClosed} } }
connections: { table_size: ${tableSize} }
workers: { count: ${workers} }
`
}

function udpServices(mixed: Mixed, servers: readonly string[]): string {
  const { uoa, trail, timeouts, reject, datagrams } = mixed
  const services = UDP_SERVICES.map(({ port, vport }, i) => {
    const fields = `address: ${VIP}, port: ${vport}, protocol: udp, scheduler: rr`
    const own = `when_down: ${reject ? 'reject' : 'drop'}, one_packet: ${i === 1}`
    return `  - { ${fields}, ${own}, real_servers: [${servers.join(', ').replaceAll('port: 80 ', `port: ${port} `)}] }`
  })
  const { oneway, normal } = timeouts
  return `${services.join('\n')}
udp: { uoa: ${uoa}, uoa_max_trail: ${trail}, timeouts: { oneway: ${oneway}, normal: ${normal} } }
fragments: { datagrams: ${datagrams} }
`
}
