/**
 * What Prometheus scrapes. Names by its conventions: base units, `_total` for what is counted. A sum is left to the
 * query wherever labels allow it: there is no counter of a service, for it would fall when an RS is taken away.
 */

import type {
  ArmInfo,
  CountersInfo,
  NumbersInfo,
  ProcessInfo,
  RealServerInfo,
  ServiceInfo,
  TrafficInfo,
} from '../../api/commands.ts'
import { COUNTED_STATES } from '../../api/names.ts'
import { PROTOCOLS } from '../../api/protocols.ts'
import { HANDSHAKE_BOUNDS } from '../../engine/handshake-cells.ts'
import { hostText } from '../../wire/ip-address.ts'
import { Exposition, type Labels, type Sample } from './exposition.ts'

/** The whole page, for the content type of exposition.ts. */
export function metricsText(numbers: NumbersInfo): string {
  const page = new Exposition()
  daemon(page, numbers.process, numbers.workers.length)
  services(page, numbers.services)
  realServers(page, numbers.services)
  lips(page, numbers)
  arms(page, numbers)
  workers(page, numbers)
  return page.text
}

function daemon(page: Exposition, about: ProcessInfo, workerCount: number): void {
  const {
    version,
    node,
    started_ms: startedMs,
    cpu_seconds: cpuSeconds,
    resident_bytes: residentBytes,
    open_fds: openFds,
  } = about
  page.gauge('tapvs_build_info', 'Versions, as labels.', [[{ version, node }, 1]])
  page.gauge('tapvs_workers', 'Packet threads.', [[{}, workerCount]])
  page.gauge('process_start_time_seconds', 'When the daemon started, since 1970.', [
    [{}, startedMs / 1000],
  ])
  page.counter('process_cpu_seconds_total', 'CPU time of all threads.', [[{}, cpuSeconds]])
  page.gauge('process_resident_memory_bytes', 'Memory in use.', [[{}, residentBytes]])
  page.gauge('process_open_fds', 'Open file descriptors.', [[{}, openFds]])
}

function serviceLabels({ protocol, address, port }: ServiceInfo): Labels {
  return { vip: address, vport: port, protocol: protocol.toUpperCase() }
}

function services(page: Exposition, list: readonly ServiceInfo[]): void {
  page.gauge(
    'tapvs_service_info',
    'A service, and its scheduler as a label.',
    list.map(service => [{ ...serviceLabels(service), scheduler: service.scheduler }, 1]),
  )
  page.gauge(
    'tapvs_service_real_servers',
    'Real servers of a service.',
    list.map(service => [serviceLabels(service), service.real_servers.length]),
  )
  page.gauge(
    'tapvs_service_real_servers_usable',
    'Real servers of a service that take new connections.',
    list.map(service => [serviceLabels(service), usable(service.real_servers)]),
  )
  page.gauge(
    'tapvs_service_syn_proxy_workers',
    'Packet threads that answer SYNs to a service by cookies now.',
    list.map(service => [serviceLabels(service), service.syn_proxy_workers ?? 0]),
  )
}

/** How many take new connections: backups only where nobody else does. */
function usable(list: readonly RealServerInfo[]): number {
  const open = list.filter(rs => rs.weight > 0 && !rs.inhibited)
  return open.filter(rs => !rs.backup).length || open.length
}

function realServers(page: Exposition, list: readonly ServiceInfo[]): void {
  const each = (samples: (rs: RealServerInfo, labels: Labels) => Sample[]): Sample[] =>
    list.flatMap(service =>
      service.real_servers.flatMap(rs =>
        samples(rs, { ...serviceLabels(service), rs: `${hostText(rs.address)}:${rs.port}` }),
      ),
    )
  const bothWays = (inward: keyof TrafficInfo, outward: keyof TrafficInfo): Sample[] =>
    each(({ stats }, labels) => [
      [{ ...labels, direction: 'in' }, stats[inward]],
      [{ ...labels, direction: 'out' }, stats[outward]],
    ])
  page.counter(
    'tapvs_rs_connections_opened_total',
    'Connections opened to a real server.',
    each(({ stats }, labels) => [[labels, stats.conns]]),
  )
  page.counter(
    'tapvs_rs_packets_total',
    'Packets of a real server before translation; in is from the client.',
    bothWays('in_packets', 'out_packets'),
  )
  page.counter(
    'tapvs_rs_bytes_total',
    'Bytes of these packets from the IP header on.',
    bothWays('in_bytes', 'out_bytes'),
  )
  page.gauge(
    'tapvs_rs_connections',
    'Connections of a real server, established (active) and others (inactive).',
    each((rs, labels) => [
      [{ ...labels, state: 'active' }, rs.active_conns],
      [{ ...labels, state: 'inactive' }, rs.inactive_conns],
    ]),
  )
  page.gauge(
    'tapvs_rs_weight',
    'Weight of a real server; 0 takes no new connections.',
    each(({ weight }, labels) => [[labels, weight]]),
  )
  page.gauge(
    'tapvs_rs_inhibited',
    'Whether the health checks keep a real server from new connections.',
    each(({ inhibited }, labels) => [[labels, Number(inhibited)]]),
  )
}

function lips(page: Exposition, { addresses }: NumbersInfo): void {
  const each = (value: (lports: { used: number; free: number; misses: number }) => number) =>
    addresses.flatMap(({ address, arm, lports }): Sample[] =>
      lports ? [[{ lip: address, arm }, value(lports)]] : [],
    )
  page.gauge(
    'tapvs_lip_lports_used',
    'Local ports of a LIP in use, over its 16 pools.',
    each(({ used }) => used),
  )
  page.gauge(
    'tapvs_lip_lports_free',
    'Local ports of a LIP that are free.',
    each(({ free }) => free),
  )
  page.counter(
    'tapvs_lip_misses_total',
    'Times that a connection found no free local port in its pool.',
    each(({ misses }) => misses),
  )
}

function arms(page: Exposition, numbers: NumbersInfo): void {
  const [first] = numbers.workers
  const one = (value: (arm: ArmInfo) => number) =>
    (first?.counters.arms ?? []).map((arm): Sample => [{ arm: arm.name }, value(arm)])
  const ofWorkers = (value: (arm: ArmInfo) => number) =>
    numbers.workers.flatMap(({ worker, counters }) =>
      counters.arms.map((arm): Sample => [{ arm: arm.name, worker }, value(arm)]),
    )
  page.gauge(
    'tapvs_arm_up',
    'Whether frames can pass an arm: its device is there, switched on, and has a carrier.',
    one(({ up }) => Number(up)),
  )
  page.gauge(
    'tapvs_arm_state',
    'An arm, and what is known of its device as labels: admin (up, down, gone, unknown) and link (up, down, unknown).',
    (first?.counters.arms ?? []).map(({ name, admin, link }) => [{ arm: name, admin, link }, 1]),
  )
  page.gauge(
    'tapvs_arm_mtu_bytes',
    'MTU of an arm.',
    one(({ mtu }) => mtu),
  )
  const counters: [string, string, (arm: ArmInfo) => number][] = [
    ['receive_packets', 'Frames read from an arm.', arm => arm.rx_packets],
    ['receive_bytes', 'Bytes of the frames read.', arm => arm.rx_bytes],
    ['receive_drops', 'Frames read from an arm and refused.', arm => arm.rx_drops],
    ['transmit_packets', 'Frames sent on an arm.', arm => arm.tx_packets],
    ['transmit_bytes', 'Bytes of the frames sent.', arm => arm.tx_bytes],
    ['transmit_drops', 'Frames for an arm that could not be sent.', arm => arm.tx_drops],
  ]
  for (const [name, help, value] of counters)
    page.counter(`tapvs_arm_${name}_total`, help, ofWorkers(value))
}

/** By protocol and state. */
function states({ states: counted }: CountersInfo): Sample[] {
  return COUNTED_STATES.map(({ protocol, key }) => [
    { protocol: PROTOCOLS[protocol].label, state: key },
    counted[key] ?? 0,
  ])
}

function workers(page: Exposition, numbers: NumbersInfo): void {
  const each = (samples: (counters: CountersInfo) => Sample[]) =>
    numbers.workers.flatMap(({ worker, counters }) =>
      samples(counters).map(([labels, value]): Sample => [{ ...labels, worker }, value]),
    )
  const named = (label: string, values: Record<string, number>) =>
    Object.entries(values).map(([name, value]): Sample => [{ [label]: name }, value])
  page.counter(
    'tapvs_drops_total',
    'Frames that were dropped, by reason.',
    each(({ drops }) => named('reason', drops)),
  )
  page.counter(
    'tapvs_events_total',
    'Events that are no drops.',
    each(({ events }) => named('event', events)),
  )
  page.gauge(
    'tapvs_connections',
    'Connections by protocol and the state of its state machine.',
    each(states),
  )
  page.gauge(
    'tapvs_connections_used',
    'Places of the connection table in use.',
    each(({ conns }) => [[{}, conns.used]]),
  )
  page.gauge(
    'tapvs_connections_capacity',
    'Places of the connection table.',
    each(({ conns }) => [[{}, conns.capacity]]),
  )
  page.gauge(
    'tapvs_neighbours',
    'Neighbours by state.',
    each(({ neighbours }) => named('state', neighbours)),
  )
  page.gauge(
    'tapvs_frames_free',
    'Slots for frames that are free.',
    each(({ frames }) => [[{}, frames.free]]),
  )
  page.gauge(
    'tapvs_frames_slots',
    'Slots for frames.',
    each(({ frames }) => [[{}, frames.slots]]),
  )
  page.histogram(
    'tapvs_handshake_seconds',
    'From the SYN of a client to the SYN+ACK of the real server (rs), and to the ACK of the client (client).',
    numbers.workers.flatMap(({ worker, counters }) =>
      (['rs', 'client'] as const).map(by => ({
        labels: { by, worker },
        buckets: counters.handshakes[by].buckets,
        bounds: HANDSHAKE_BOUNDS.map(ms => ms / 1000),
        sum: counters.handshakes[by].sum_ms / 1000,
      })),
    ),
  )
}
