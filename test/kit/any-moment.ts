/** Any moment, as the flight recorder could give it. */

import fc from 'fast-check'
import { Drop } from '../../src/engine/counters.ts'
import { State } from '../../src/engine/tcp-state.ts'
import type {
  Change,
  FrameIn,
  FrameOut,
  Happening,
  Moment,
  Said,
} from '../../src/see/moments/moment.ts'

const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const endpoint = fc.oneof(
  fc
    .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(65_535))
    .map(([a, b, c, d, port]) => `${a}.${b}.${c}.${d}:${port}`),
  fc
    .tuple(fc.nat(65_535), fc.nat(65_535), fc.nat(65_535))
    .map(([a, b, port]) => `[2001:db8:${a.toString(16)}::${b.toString(16)}]:${port}`),
)
const protocol = fc.constantFrom('TCP', 'UDP', 'ICMP')
const ends = { protocol, client: endpoint, vip: endpoint, lip: endpoint, rs: endpoint }
/** FullNAT is not named. */
const forwarding = fc.constantFrom(
  'nat' as const,
  'dr' as const,
  'tunnel' as const,
  'snat' as const,
)
const conn = fc.oneof(fc.record(ends), fc.record({ ...ends, forwarding }))
const arm = fc.constantFrom('ext0', 'int0')
const reason = fc.constantFrom(...Object.keys(Drop).map(name => name.toLowerCase()))
const direction = fc.constantFrom('in' as const, 'out' as const)
const state = fc.constantFrom(...Object.keys(State).filter(name => name !== 'NONE'))

const count = fc.nat(100_000)
/** Its text is what a note makes of it, and its fields those that a note has. */
const said: fc.Arbitrary<Said> = fc.oneof(
  fc.boolean().map(hit => {
    return { event: 'lookup', text: `lookup ${hit ? 'hit' : 'miss'}`, fields: { hit } }
  }),
  fc.tuple(endpoint, count, count).map(([lip, tried, free]) => {
    const full = tried === 0 ? '' : `, LIPs without any: ${tried}`
    const text = `lport ${lip}, ${free} free${full}`
    return { event: 'lport_fetched', text, fields: { lip, tried, free } }
  }),
  fc
    .tuple(endpoint, fc.constantFrom('scheduler', 'persistence', 'connection ID'), count, count)
    .map(([rs, by, weight, servers]) => {
      const text = `${rs} by ${by}, weight ${weight}, one of ${servers}`
      return { event: 'scheduled', text, fields: { rs, by, weight, servers } }
    }),
  fc.tuple(state, fc.constantFrom('', ', another took its place', ', cut')).map(([name, why]) => {
    const fields = {
      state: name,
      replaced: /place/.test(why),
      ...(why === ', cut' && { cut: true }),
    }
    return { event: 'conn_del', text: `connection ended in ${name}${why}`, fields }
  }),
  fc.boolean().map(cut => {
    const text = `both ends are reset${cut ? ', cut' : ''}`
    return { event: 'reset', text, fields: cut ? { why: 'cut' } : {} }
  }),
  state.map(name => {
    const text = `another connection on the entry of one in ${name}`
    return { event: 'conn_kept', text, fields: { state: name } }
  }),
  fc.constant({
    event: 'neigh_failed',
    text: 'NEIGHBOUR: 1.2.3.4 does not answer, 3 packets dropped',
    fields: {},
  }),
)

const moved = (what: string) =>
  fc.tuple(u32, u32).map(([before, after]): Change => {
    return { what, before: `${before}`, after: `${after}`, delta: (after - before) | 0 }
  })
const plain = (what: string, value: fc.Arbitrary<string>) =>
  fc.record({ what: fc.constant(what), before: value, after: value })
const number = fc.nat(65_535).map(String)
const change: fc.Arbitrary<Change> = fc.oneof(
  moved('seq'),
  moved('ack'),
  fc.tuple(u32, u32, u32).map(([a, b, delta]): Change => {
    const at = (edge: number) => (edge + delta) >>> 0
    const after = `{${at(a)}:${at(b)}}`
    return { what: 'sack', before: `{${a}:${b}}`, after, delta: delta | 0 }
  }),
  endpoint.map(after => ({ what: 'tunnelled', before: '', after: `1.2.3.4 > ${after}` })),
  plain('source', endpoint),
  plain('destination', endpoint),
  plain('mss', number),
  plain('ttl', number),
  plain('ip_id', number),
  plain('window', number),
  plain('flags', fc.constantFrom('S', 'none', 'SP.')),
  plain('payload', fc.constantFrom('5 bytes (6c6f at 3)', '5 bytes')),
  plain('options', fc.constantFrom('none', 'nop,TS val 7 ecr 8', 'mss 1460,sackOK')),
  plain('ip_options', fc.constantFrom('none', '01010100')),
  endpoint.map(after => ({ what: 'toa_added', before: '', after })),
  endpoint.map(before => {
    return { what: 'toa_voided', before, after: before.startsWith('[') ? '20 NOPs' : '8 NOPs' }
  }),
  endpoint.map(client => ({
    what: 'uoa_added',
    before: '',
    after: `${client} in protocol 248`,
  })),
  fc.constant({ what: 'udp_checksum', before: '0000', after: '' }),
  fc.constant({ what: 'udp_checksum', before: '', after: '0000' }),
  plain('icmp_mtu', number),
  plain('udp_length', number),
  plain('quoted_source', endpoint),
  moved('quoted_seq'),
  fc.constant({ what: 'quoted_ip_checksum', before: '', after: '' }),
  fc.constant({ what: 'toa_voided', before: 'fe04abcd', after: '4 NOPs' }),
  fc.constant({ what: 'timestamp_removed', before: 'TS val 1 ecr 0', after: '10 NOPs' }),
)

const common = {
  atUs: fc.integer({ min: 1_600_000_000_000_000, max: 2_000_000_000_000_000 }),
  worker: fc.integer({ min: 1, max: 64 }),
  pair: fc.nat(2 ** 31),
  conn: fc.option(conn),
}
const frame = {
  arm,
  bytes: fc.uint8Array({ minLength: 14, maxLength: 60 }),
  gsoSize: fc.constantFrom(0, 1448),
  partial: fc.boolean(),
  direction: fc.option(direction),
}

export const anyFrameIn: fc.Arbitrary<FrameIn> = fc
  .record({
    kind: fc.constant('in' as const),
    ...common,
    ...frame,
    more: fc.nat(1400),
    said: fc.array(said, { maxLength: 3 }),
    states: fc.option(fc.record({ before: fc.option(state), after: state })),
    verdict: fc.oneof(
      arm.map(sent => ({ sent })),
      fc.constant({ parked: true } as const),
      fc.constant({ done: true } as const),
      reason.map(drop => ({ drop })),
    ),
  })
  .map(({ more, ...rest }) => ({ ...rest, length: rest.bytes.length + more }))

export const anyFrameOut: fc.Arbitrary<FrameOut> = fc
  .record({
    kind: fc.constant('out' as const),
    ...common,
    ...frame,
    more: fc.nat(1400),
    changes: fc.array(change, { maxLength: 5 }),
    drop: fc.option(reason),
    own: fc.option(
      fc.constantFrom('arp_request', 'icmp_frag_needed', 'rst_on_expiry', 'uoa', 'new_kind'),
    ),
  })
  .map(({ more, ...rest }) => ({ ...rest, length: rest.bytes.length + more }))

export const anyHappening: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constant('event' as const),
  ...common,
  said: fc.array(said, { minLength: 1, maxLength: 3 }),
})

/** fast-check likes to leave prototypes away, and assert minds. */
export const anyMoment: fc.Arbitrary<Moment> = fc
  .oneof(anyFrameIn, anyFrameOut, anyHappening)
  .map(moment => structuredClone(moment))
