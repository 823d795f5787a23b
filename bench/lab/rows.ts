/** The lines of the tables. A row is one figure of a load; what a load is and does is in loads.ts. */

export type Group = 'redis' | 'connections' | 'bulk' | 'latency' | 'udp'

export type Row = {
  key: string
  title: string
  unit: 'req/s' | 'conn/s' | 'Gbit/s' | 'µs' | 'query/s' | 'dgram/s'
  better: 'more' | 'less'
  group: Group
}

/** A fixed rate that every contender can keep up with on a small machine: a quarter of what the proxies reach there. */
export const LATENCY_RATE = 10_000

const more = (key: string, title: string, unit: Row['unit'], group: Group): Row => {
  return { key, title, unit, better: 'more', group }
}

const latency = (key: string, words: string): Row => {
  const title = `latency ${words} at ${LATENCY_RATE / 1000} k req/s`
  return { key, title, unit: 'µs', better: 'less', group: 'latency' }
}

export const ROWS: readonly Row[] = [
  more('get-1', 'redis GET, pipeline 1', 'req/s', 'redis'),
  more('get-16', 'redis GET, pipeline 16', 'req/s', 'redis'),
  more('set-1k', 'redis SET of 1 KiB', 'req/s', 'redis'),
  more('set-64k', 'redis SET of 64 KiB', 'req/s', 'redis'),
  more('connections', 'new connections', 'conn/s', 'connections'),
  more('to-1', 'iperf3 ->, 1 stream', 'Gbit/s', 'bulk'),
  more('to-8', 'iperf3 ->, 8 streams', 'Gbit/s', 'bulk'),
  more('from-1', 'iperf3 <-, 1 stream', 'Gbit/s', 'bulk'),
  more('from-8', 'iperf3 <-, 8 streams', 'Gbit/s', 'bulk'),
  latency('p50', 'p50'),
  latency('p99', 'p99'),
  latency('p999', 'p99.9'),
  more('dns', 'DNS queries', 'query/s', 'udp'),
  more('datagrams', 'datagrams of 1200 bytes', 'dgram/s', 'udp'),
]
