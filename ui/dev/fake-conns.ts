/** A million connections, each made of its number. Only for work on the page. */

import type { ConnInfo } from '../../src/api/commands.ts'
import type { ConnsInfo } from '../../src/api/page.ts'

const COUNT = 1_000_000
const OPEN = 'ESTABLISHED'
const OVER = 'TIME_WAIT'
const STATES = [OPEN, OPEN, OPEN, OPEN, OVER, OVER, 'FIN_WAIT', 'CLOSE_WAIT', 'SYN_RECV'] as const
const UDP_STATES = ['UDP_NORM', 'UDP_ONEWAY'] as const
const TIMEOUTS: Record<(typeof STATES)[number] | (typeof UDP_STATES)[number], number> = {
  UDP_NORM: 300,
  UDP_ONEWAY: 300,
  ESTABLISHED: 90,
  SYN_RECV: 30,
  FIN_WAIT: 7,
  TIME_WAIT: 7,
  CLOSE_WAIT: 7,
}

function conn(i: number): ConnInfo {
  const isUdp = i % 10 === 9
  const state = (isUdp ? UDP_STATES[i % 2] : STATES[i % STATES.length]) ?? OPEN
  return {
    worker: 1 + (i % 4),
    protocol: isUdp ? 'udp' : 'tcp',
    timeout_sec: TIMEOUTS[state],
    state,
    client: `202.108.${10 + (i >> 16)}.${(i >> 8) & 255}:${1024 + (i & 255)}`,
    vip: '202.108.10.1:6379',
    lip: `192.168.168.${7 + (i & 1)}:${1025 + (i % 64_000)}`,
    rs: `192.168.168.${2 + (i % 3)}:6379`,
    forwarding: 'fullnat',
    seqs: null,
  }
}

export function conns(query: URLSearchParams): ConnsInfo {
  const number = (key: string, byDefault: number) => Number(query.get(key) ?? byDefault)
  const offset = number('offset', 0)
  const limit = Math.min(number('limit', 100), 1000)
  const [search, state, rs] = [query.get('search'), query.get('state'), query.get('rs')]
  const protocol = query.get('protocol')
  const wanted = (row: ConnInfo) =>
    (!search || JSON.stringify(row).includes(search)) &&
    (!state || row.state === state) &&
    (!protocol || row.protocol === protocol) &&
    (!rs || row.rs.startsWith(rs))
  const filtered = search || protocol || state || rs
  const matching: ConnInfo[] = []
  if (filtered) {
    for (let i = 0; i < COUNT; i += 37) {
      const row = conn(i)
      if (wanted(row)) matching.push(row)
    }
  }
  const down = query.get('order') === 'desc'
  const rows = filtered
    ? matching.slice(offset, offset + limit)
    : Array.from({ length: Math.max(0, Math.min(limit, COUNT - offset)) }, (_, i) =>
        conn(down ? COUNT - 1 - offset - i : offset + i),
      )
  return {
    at_ms: Date.now(),
    total: COUNT,
    matched: filtered ? matching.length : COUNT,
    rows,
    complete: true,
  }
}
