/** The network and the config of all worlds: clients on one arm, RSs and LIPs on the other. */

import type { Mixed } from './mixed-plan.ts'
import type { Plan } from './plan.ts'
import { PREFIX } from './six-packet.ts'
import { isOut, keepsPort, type Way, wayOf } from './ways.ts'

export const VIP = '202.108.10.1'
export const VPORT = 6379
/** Its servers speak first. */
export const BANNER_PORT = 6380
/** Of clients' arm, by which hosts inside go out. */
const OUTSIDE = '202.108.10.9'
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
export function behind(vport: number, way: Way): { protocol: 'tcp' | 'udp'; port: number } {
  const udp = UDP_SERVICES.find(service => service.vport === vport)
  const own = udp?.port ?? (vport === VPORT ? 80 : 81)
  return { protocol: udp ? 'udp' : 'tcp', port: keepsPort(way) ? vport : own }
}

/** An address as the config of a world has it. */
export function textOf(address: string, way: Way): string {
  if (!way.six[address.startsWith('202.') ? 0 : 1]) return address
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  const word = (high: number, low: number) => ((high << 8) | low).toString(16)
  return `${word(PREFIX >>> 24, (PREFIX >>> 16) & 255)}:${(PREFIX & 0xffff).toString(16)}::${word(a, b)}:${word(c, d)}`
}

/** A config of IPv4 in the families of its arms. */
function translated(yaml: string, way: Way): string {
  return yaml.replace(/((?:\d+\.){3}\d+)(?:\/(\d+))?/g, (all, address: string, length?: string) => {
    const text = textOf(address, way)
    if (text === address) return all
    return length === undefined ? `'${text}'` : `'${text}/${Number(length) + 96}'`
  })
}

export function configOf(plan: Plan): string {
  const { workers, toa, tableSize, rss, fixed, halfClosed, mixed } = plan
  const way = wayOf(plan)
  const mtu = (arm: 0 | 1) => (mixed ? `, mtu: ${mixed.mtus[arm]}` : '')
  const known = Array.from({ length: rss }, (_, rs) => {
    const mac = (MAC_OF_RS + rs).toString(16).replace(/..(?!$)/g, '$&:')
    return `{ address: ${rsAddress(rs)}, mac: ${mac} }`
  })
  const lips = isOut(way) ? `, local_addresses: [${OUTSIDE}]` : ''
  const yaml = `
arms:
  - { name: dpdk0, addresses: [${VIP}/32]${lips}, routes: [{ to: 202.108.10.0/24 }]${mtu(0)} }
  - name: dpdk1${mtu(1).replace(', ', '\n    ')}
    addresses: [192.168.168.3/32]
    local_addresses: [${LIPS.join(', ')}]
    routes: [{ to: 192.168.168.0/24 }]
    neighbours: [${fixed ? known.join(', ') : ''}]
${isOut(way) ? waysOut() : services(plan, way)}${mixed ? datagrams(mixed) : ''}tcp: { toa: ${toa}, ${mixed?.xmitTtl ? 'xmit_ttl: true, ' : ''}timeouts: { fin_wait: ${halfClosed}, close_wait: ${halfClosed}, time_wait: ${halfClosed} } }
connections: { table_size: ${tableSize} }
workers: { count: ${workers} }
`
  return translated(yaml, way)
}

function services(plan: Plan, way: Way): string {
  const { proxy, syn, mixed } = plan
  const header = proxy && `${proxy.version}${proxy.insecure ? '-insecure' : ''}`
  const tcp = [VPORT, BANNER_PORT].map(port => {
    const own = `proxy_protocol: ${header ?? 'off'}, syn_proxy: ${syn ? 'on' : 'off'}`
    return `  - { address: ${VIP}, port: ${port}, scheduler: rr, ${own}, real_servers: [${servers(plan, way, port)}] }`
  })
  const udp = UDP_SERVICES.map(({ vport }, i) => {
    const fields = `address: ${VIP}, port: ${vport}, protocol: udp, scheduler: rr`
    const own = `when_down: ${mixed?.reject ? 'reject' : 'drop'}, one_packet: ${i === 1}`
    return `  - { ${fields}, ${own}, real_servers: [${servers(plan, way, vport)}] }`
  })
  return `services:\n${[...tcp, ...(mixed ? udp : [])].join('\n')}\n`
}

function servers({ rss }: Plan, way: Way, vport: number): string {
  const { port } = behind(vport, way)
  const by = way.by === 'fullnat' ? '' : `, forwarding: ${way.by}`
  const one = (rs: number) => `{ address: ${rsAddress(rs)}, port: ${port}${by} }`
  return Array.from({ length: rss }, (_, rs) => one(rs)).join(', ')
}

/** Whatever hosts inside open. */
function waysOut(): string {
  const one = (protocol: string) =>
    `  - { protocol: ${protocol}, source: 192.168.168.0/24, addresses: [{ address: ${OUTSIDE} }] }\n`
  return `snat:\n${['tcp', 'udp', 'icmp'].map(one).join('')}`
}

function datagrams({ uoa, trail, timeouts, datagrams: most }: Mixed): string {
  const { oneway, normal } = timeouts
  return `udp: { uoa: ${uoa}, uoa_max_trail: ${trail}, timeouts: { oneway: ${oneway}, normal: ${normal} } }
fragments: { datagrams: ${most} }
`
}
