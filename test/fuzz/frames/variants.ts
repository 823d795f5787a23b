/** The appliances that frames are thrown at: every mode that makes packets go another way. */

import { SEED_CONFIG } from '../../kit/stand.ts'

export interface Variant {
  name: string
  config: string
  workers: number
  /** The flight recorder runs. */
  records: boolean
}

/** Two RSs, a persistent service, UDP beside TCP, and a few slots for what is not whole or not resolved. */
const COMMON = `${SEED_CONFIG.replace('[{ address: 192.168.168.2, weight: 100 }]', '[{ address: 192.168.168.2, weight: 3 }, { address: 192.168.168.12 }]').replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')}  - address: 202.108.10.1
    port: 6380
    scheduler: rr
    persistence: 20
    when_down: reject
    real_servers: [{ address: 192.168.168.2, port: 6379, upper_threshold: 4 }, { address: 192.168.168.13, port: 6379 }]
  - address: 202.108.10.1
    port: 6379
    protocol: udp
    real_servers: [{ address: 192.168.168.2, port: 53 }, { address: 192.168.168.12 }]
neighbours: { timeout: 10, unres_queue_length: 16 }
`
const ONE_PACKET = COMMON.replace('protocol: udp', 'protocol: udp\n    one_packet: true')
/** RSs of UDP are looked for in connection IDs. */
const quic = (config: string) => config.replaceAll('protocol: udp', 'protocol: udp\n    quic: true')
/** Both networks on one device. */
const TRUNK = COMMON.replace('arms:\n', 'arms:\n  - { name: trunk }\n')
  .replace('name: dpdk0', 'name: dpdk0\n    vlan: { arm: trunk, id: 100 }')
  .replace('name: dpdk1', 'name: dpdk1\n    vlan: { arm: trunk, id: 200 }')
/** A path that is narrower on either side: what does not fit is cut, or told of. */
const narrow = (config: string) =>
  config
    .replace('name: dpdk0', 'name: dpdk0\n    mtu: 1400')
    .replace('name: dpdk1', 'name: dpdk1\n    mtu: 1300')
const NARROW = narrow(COMMON)

const FULL = ONE_PACKET.replace('weight: 3', 'weight: 3, upper_threshold: 5').replace(
  'address: 192.168.168.12 }',
  'address: 192.168.168.12, upper_threshold: 5 }',
)

/** Both families on the same arms, the other one's addresses as in SEED6_CONFIG. */
const DUAL = COMMON.replace('[202.108.10.1/32]', "[202.108.10.1/32, '2001:db8:10::1/128']")
  .replace('[{ to: 202.108.10.0/24 }]', "[{ to: 202.108.10.0/24 }, { to: '2001:db8:10::/64' }]")
  .replace('[192.168.168.3/32]', "[192.168.168.3/32, '2001:db8:168::3/128']")
  .replace('[192.168.168.7, ', "['2001:db8:168::7', 192.168.168.7, ")
  .replace('[{ to: 192.168.168.0/24 }]', "[{ to: 192.168.168.0/24 }, { to: '2001:db8:168::/64' }]")
  .replace(
    'neighbours:',
    `  - address: '2001:db8:10::1'
    port: 6379
    real_servers: [{ address: '2001:db8:168::2', weight: 3 }]
  - address: '2001:db8:10::1'
    port: 6379
    protocol: udp
    persistence: 20
    real_servers: [{ address: '2001:db8:168::2', port: 53 }]
neighbours:`,
  )
/** Clients of both families before RSs of IPv4. */
const ACROSS = DUAL.replace(
  "real_servers: [{ address: '2001:db8:168::2', weight: 3 }]",
  'real_servers: [{ address: 192.168.168.2, weight: 3 }, { address: 192.168.168.12 }]',
)
/** Headers of IPv6, of either version. */
const PROXIED6 = DUAL.replace(
  "port: 6379\n    real_servers: [{ address: '2001",
  "port: 6379\n    proxy_protocol: v1-insecure\n    real_servers: [{ address: '2001",
).replace(
  "persistence: 20\n    real_servers: [{ address: '2001",
  "proxy_protocol: v2\n    real_servers: [{ address: '2001",
)
/** A header in front of what clients send, lists that refuse some, and rates that few keep to. */
const GUARDED = COMMON.replace(
  'scheduler: wrr',
  'scheduler: wlc\n    proxy_protocol: v2\n    deny: [202.108.10.3]\n    client_rate: 20\n    client_burst: 20',
)
  .replace(
    'scheduler: rr',
    'scheduler: mh\n    proxy_protocol: v1-insecure\n    allow: [202.108.10.0/25]',
  )
  .replace('protocol: udp', 'protocol: udp\n    proxy_protocol: v2\n    connection_rate: 50')

/** Whom the clients speak to is nobody here: they are the hosts inside, and leave by SNAT. */
const OUTWARD = `
arms:
  - name: dpdk0
    addresses: [202.108.10.9/32]
    routes: [{ to: 202.108.10.0/24 }]
  - name: dpdk1
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7, 192.168.168.8]
    routes: [{ to: 192.168.168.0/24 }, { to: 202.108.10.1/32, via: 192.168.168.2 }]
snat:
  - { in: dpdk0, addresses: [{ address: 192.168.168.7 }] }
  - { protocol: udp, in: dpdk0, addresses: [{ address: 192.168.168.7 }, { address: 192.168.168.8 }] }
  - { protocol: icmp, in: dpdk0, addresses: [{ address: 192.168.168.8 }] }
neighbours: { timeout: 10, unres_queue_length: 16 }
`
/** The same over IPv6, beside that of IPv4. */
const OUTWARD6 = OUTWARD.replace('[202.108.10.9/32]', "[202.108.10.9/32, '2001:db8:10::9/128']")
  .replace('to: 202.108.10.0/24 }', "$&, { to: '2001:db8:10::/64' }")
  .replace('[192.168.168.3/32]', "[192.168.168.3/32, '2001:db8:168::3/128']")
  .replace('192.168.168.8]', "192.168.168.8, '2001:db8:168::7', '2001:db8:168::8']")
  .replace(
    'routes: [{ to: 192.168.168.0/24 },',
    "$& { to: '2001:db8:168::/64' }, { to: '2001:db8:10::1/128', via: '2001:db8:168::2' },",
  )
  .replace(
    'neighbours:',
    `  - { in: dpdk0, family: ipv6, addresses: [{ address: '2001:db8:168::7' }] }
  - { protocol: udp, in: dpdk0, family: ipv6, addresses: [{ address: '2001:db8:168::7' }, { address: '2001:db8:168::8' }] }
  - { protocol: icmpv6, in: dpdk0, family: ipv6, addresses: [{ address: '2001:db8:168::8' }] }
$&`,
  )
/** Each way to an RS there is, of some of which answers pass by. */
const WAYS = COMMON.replace('weight: 3', 'weight: 3, forwarding: nat')
  .replaceAll('192.168.168.12 }', '192.168.168.12, forwarding: dr }')
  .replace('port: 53 }', 'port: 53, forwarding: nat }')
  .replace('upper_threshold: 4 }', 'upper_threshold: 4, forwarding: nat }')
  .replace('192.168.168.13, port: 6379 }', '192.168.168.13, port: 6380, forwarding: tunnel }')
const TUNNELS = WAYS.replaceAll('forwarding: dr', 'forwarding: tunnel')
/** The same over IPv6, beside FullNAT over IPv4. */
const WAYS6 = DUAL.replace(
  "'2001:db8:168::2', weight: 3 }",
  "'2001:db8:168::2', weight: 3, forwarding: nat }, { address: '2001:db8:168::12', forwarding: dr }, { address: '2001:db8:168::13', forwarding: tunnel }",
).replace(
  "'2001:db8:168::2', port: 53 }",
  "'2001:db8:168::2', port: 53, forwarding: nat }, { address: '2001:db8:168::13', forwarding: tunnel }",
)

/** SYNs of all services of TCP are answered by cookies. */
const cookies = (config: string) =>
  config
    .replaceAll('port: 6379\n', 'port: 6379\n    syn_proxy: on\n')
    .replaceAll('syn_proxy: on\n    protocol: udp', 'protocol: udp')
/** The same of the second service while many come: on within the first second, and off behind the last frame. */
const now = (config: string) =>
  config.replace('port: 6380\n', 'port: 6380\n    syn_proxy: auto\n    syn_proxy_above: 40\n')

const of = (name: string, config: string, workers = 1, records = false): Variant => ({
  ...{ name, config, workers, records },
})

export const VARIANTS: readonly Variant[] = [
  of('as in the seed', `${COMMON}connections: { table_size: 256 }\n`),
  of(
    'recorder, TOA as master, RST, TTL',
    `${COMMON}tcp: { toa: master, bare_ack: rst, xmit_ttl: true }\nudp: { uoa: opp }\n`,
    1,
    true,
  ),
  of('two workers', `${quic(COMMON)}udp: { uoa: ipo, uoa_max_trail: 255 }\n`, 2),
  of(
    'VLANs on one device',
    `${TRUNK}tcp: { reuse: keep }\nudp: { uoa: opp, timeouts: { oneway: 8, normal: 5 } }\n`,
  ),
  of(
    'narrow links, a table of 16',
    `${NARROW}connections: { table_size: 16, client_share: 20% }\nudp: { uoa: ipo, uoa_max_trail: 255 }\nfragments: { datagrams: 4, timeout: 2 }\n`,
  ),
  of(
    'one packet at a time, no TOA',
    `${ONE_PACKET}tcp: { toa: off, timeouts: { established: 5 } }\nudp: { uoa: opp }\n`,
  ),
  of(
    'two workers, recorder, narrow',
    `${NARROW}tcp: { xmit_ttl: true }\nudp: { uoa: opp, uoa_max_trail: 3 }\n`,
    2,
    true,
  ),
  of('headers of PROXY, lists and rates', GUARDED),
  of('both families', `${DUAL}connections: { table_size: 256 }\n`),
  of(
    'both families, UOA',
    `${quic(DUAL)}udp: { uoa: opp, uoa_max_trail: 255 }\ntcp: { xmit_ttl: true }\n`,
  ),
  of('both families, headers of PROXY', PROXIED6),
  of('both families, two workers, narrow', narrow(DUAL), 2, true),
  of(
    'from IPv6 to IPv4, UOA',
    `${quic(ACROSS)}connections: { table_size: 256 }\ntcp: { xmit_ttl: true }\nudp: { uoa: opp, uoa_max_trail: 255 }\n`,
  ),
  of('from IPv6 to IPv4, two workers, narrow', `${narrow(ACROSS)}tcp: { toa: master }\n`, 2, true),
  of('NAT, DR and a tunnel', `${WAYS}connections: { table_size: 256 }\n`, 1, true),
  of('NAT and tunnels, two workers, narrow', `${narrow(TUNNELS)}tcp: { xmit_ttl: true }\n`, 2),
  of('NAT, DR and tunnels over IPv6', `${WAYS6}connections: { table_size: 256 }\n`, 1, true),
  of(
    'NAT and tunnels over IPv6, two workers, narrow',
    `${narrow(WAYS6)}tcp: { xmit_ttl: true }\n`,
    2,
  ),
  of(
    'outward by SNAT, two workers, narrow',
    `${narrow(OUTWARD)}tcp: { xmit_ttl: true }\n`,
    2,
    true,
  ),
  of('outward by SNAT', `${OUTWARD}connections: { table_size: 64 }\n`),
  of('outward by SNAT of both families', `${OUTWARD6}connections: { table_size: 64 }\n`, 1, true),
  of(
    'outward by SNAT of both families, two workers, narrow',
    `${narrow(OUTWARD6)}tcp: { xmit_ttl: true }\n`,
    2,
  ),
  of(
    'cookies',
    `${now(cookies(COMMON))}connections: { table_size: 256 }\ntcp: { syn_proxy: { wscale: 3 } }\n`,
  ),
  of(
    'cookies, both families, headers of PROXY, two workers, narrow',
    `${narrow(cookies(PROXIED6))}tcp: { xmit_ttl: true, toa: master, bare_ack: rst }\n`,
    2,
    true,
  ),
  of('cookies, headers of PROXY', cookies(GUARDED)),
  of(
    'no fragments, RSs that are full',
    `${FULL}fragments: { datagrams: 0 }\nconnections: { table_size: 64 }\n`,
  ),
]
