import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ServiceKey } from '../../../src/api/edits.ts'
import { PROTOCOL_NAMES } from '../../../src/api/protocols.ts'
import { SCHEDULER_NAMES, WHEN_DOWN } from '../../../src/api/words.ts'
import {
  commandLine,
  culprit,
  type IpvsadmEdit,
  readSaved,
  saveText,
} from '../../../src/cli/ipvsadm/save.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'
import { canonicalIp } from '../../../src/wire/ip-address.ts'
import { SERVICES } from '../canned.ts'

const SERVICE_KEY: ServiceKey = { protocol: 'tcp', address: '192.0.2.1', port: 80 }

/** Commands have one form of an address of IPv6. */
const address = fc.oneof(fc.ipV4(), fc.ipV6().map(canonicalIp))
const port = fc.integer({ min: 1, max: 65_535 })
const seconds = fc.integer({ min: 1, max: 1_000_000 })
const service = fc.record({ protocol: fc.constantFrom(...PROTOCOL_NAMES), address, port })
const server = fc.record({ address, port }, { requiredKeys: ['address'] })
const conns = fc.integer({ min: 0, max: 1_000_000_000 })
const arm = fc.stringMatching(/^[a-z][a-z0-9._-]{0,14}$/)

const edits: fc.Arbitrary<IpvsadmEdit> = fc.oneof(
  fc.record(
    {
      edit: fc.constantFrom('add-service' as const, 'edit-service' as const),
      service,
      scheduler: fc.constantFrom(...SCHEDULER_NAMES),
      persistence: seconds,
      conn_timeout: seconds,
      when_down: fc.constantFrom(...WHEN_DOWN),
    },
    // ipvsadm names one if nobody does.
    { requiredKeys: ['edit', 'service', 'scheduler'] },
  ),
  fc.record({
    edit: fc.constant('add-service' as const),
    scheduler: fc.constantFrom(...SCHEDULER_NAMES),
    service: fc.record({ protocol: fc.constant('udp' as const), address, port }),
    one_packet: fc.constant(true),
    quic: fc.constant(true),
  }),
  fc.record({ edit: fc.constant('delete-service' as const), service }),
  fc.record({ edit: fc.constant('clear' as const) }),
  fc.record(
    {
      edit: fc.constantFrom('add-server' as const, 'edit-server' as const),
      service,
      server,
      weight: fc.integer({ min: 0, max: 65_535 }),
      upper_threshold: conns,
      lower_threshold: conns,
      backup: fc.boolean(),
    },
    { requiredKeys: ['edit', 'service', 'server'] },
  ),
  fc.record({ edit: fc.constant('delete-server' as const), service, server }),
  fc.record({
    edit: fc.constantFrom('add-lip' as const, 'delete-lip' as const),
    service,
    address,
    arm,
  }),
  fc
    .record({
      edit: fc.constant('set-timeouts' as const),
      established: fc.integer({ min: 0, max: 1_000_000 }),
      fin_wait: fc.integer({ min: 0, max: 1_000_000 }),
      udp: fc.integer({ min: 0, max: 1_000_000 }),
    })
    .map(({ udp, ...rest }) => ({ ...rest, udp_oneway: udp, udp_normal: udp })),
)

/** Without the null prototypes that fast-check makes, too. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value))
}

test('every edit is a line that reads as the same edit', () => {
  fc.assert(
    fc.property(fc.array(edits, { maxLength: 20 }), made => {
      const all = plain(made)
      const restored = readSaved(all.map(commandLine).join(''))
      assert.deepEqual(restored.edits, all)
      assert.deepEqual(
        restored.lines,
        all.map((_, i) => i + 1),
      )
    }),
  )
})

test('-S of the seed', () => {
  assert.equal(
    saveText(SERVICES),
    [
      '-A -t 202.108.10.1:6379 -s wrr',
      '-P -z 192.168.168.7 -t 202.108.10.1:6379 -F int0',
      '-a -t 202.108.10.1:6379 -r 192.168.168.2:6379 -b -w 100',
      '',
    ].join('\n'),
  )
})

test('persistence of networks reads as it was', () => {
  fc.assert(
    fc.property(service, seconds, fc.integer({ min: 1, max: 32 }), (key, persistence, prefix) => {
      const edit = {
        edit: 'add-service' as const,
        service: plain(key),
        scheduler: 'wlc' as const,
        persistence,
        persistence_prefix: prefix,
      }
      assert.deepEqual(readSaved(commandLine(edit)).edits, [edit])
    }),
  )
})

test('-S has the timeout, the answer and the limits too', () => {
  const [seed] = SERVICES
  const [rs] = seed?.real_servers ?? []
  assert.ok(seed && rs)
  const text = saveText([
    {
      ...seed,
      conn_timeout: 300,
      persistence: 60,
      persistence_prefix: 24,
      when_down: 'reject',
      local_addresses: [],
      real_servers: [{ ...rs, weight: 0, upper_threshold: 100, lower_threshold: 50 }],
    },
  ])
  assert.equal(
    text,
    [
      '-A -t 202.108.10.1:6379 -s wrr -p 60 -M 255.255.255.0 --conn-timeout 300 --when-down reject',
      '-a -t 202.108.10.1:6379 -r 192.168.168.2:6379 -b -w 0 -x 100 -y 50',
      '',
    ].join('\n'),
  )
})

test('-S of IPv6 says the length of the networks that persist, unless it is that of an address', () => {
  const [seed] = SERVICES
  assert.ok(seed)
  const of = (address: string, persistence_prefix: number) =>
    saveText([
      {
        ...seed,
        ...{ address, persistence: 60, persistence_prefix },
        ...{ local_addresses: [], real_servers: [] },
      },
    ])
  const service = '-A -t [2001:db8::1]:6379 -s wrr -p 60'
  assert.equal(of('2001:db8::1', 128), `${service}\n`)
  assert.equal(of('2001:db8::1', 64), `${service} -M 64\n`)
  assert.equal(of('2001:db8::1', 24), `${service} -M 24\n`)
  assert.equal(of('192.0.2.1', 32), '-A -t 192.0.2.1:6379 -s wrr -p 60\n')
})

test('importers carry over each option that -S writes', () => {
  const isSaved = (edit: IpvsadmEdit) => /^add-(service|server|lip)/.test(edit.edit)
  fc.assert(
    fc.property(edits.filter(isSaved), made => {
      const service = commandLine({ edit: 'add-service', service: SERVICE_KEY, scheduler: 'rr' })
      const [edit] = plain([made]) as [IpvsadmEdit & { service: ServiceKey }]
      const of = edit.edit === 'add-service' ? edit.service : SERVICE_KEY
      const mode = edit.edit === 'add-server' ? { forwarding: 'fullnat' } : {}
      const line = commandLine({ ...edit, ...mode, service: of } as IpvsadmEdit)
      const { notCarried } = importIpvsadm(edit.edit === 'add-service' ? line : service + line, 'x')
      // Said by edits of any kind, of which -S writes no such threshold.
      assert.deepEqual(
        notCarried.filter(remark => !remark.includes('the lower threshold')),
        [],
      )
    }),
  )
})

test('comments, empty lines and odd blanks', () => {
  const { edits: read, lines } = readSaved(
    '# all\r\n\r\n  -C  # first\r\n\t-A -t 10.0.0.1:80   -s rr \r\n',
  )
  assert.deepEqual(
    read.map(edit => edit.edit),
    ['clear', 'add-service'],
  )
  assert.deepEqual(lines, [3, 4])
})

test('a line that cannot be read is named', () => {
  const cases: [string, RegExp][] = [
    ['-C\n-A\n', /^line 2: -A needs -t or -u VIP:PORT, or -H MATCH; nothing was changed$/],
    ['-L', /^line 1: expected a command that changes something/],
    ['-R', /^line 1: expected a command that changes something/],
    ['-A -t 10.0.0.1:80 -u 10.0.0.1:80', /^line 1: -t and -u: one service at a time/],
    ['-C --socket /x', /^line 1: --socket goes before/],
  ]
  for (const [text, message] of cases) assert.throws(() => readSaved(text), { message })
})

test('the culprit is found wherever it is', async () => {
  const clear = { edit: 'clear' as const }
  for (let bad = 0; bad < 20; bad++) {
    const all = Array.from({ length: 20 }, () => ({ ...clear }))
    const guilty = all[bad]
    let asked = 0
    const at = await culprit(all, async beginning => {
      asked++
      return beginning.some(edit => edit === guilty)
    })
    assert.equal(at, bad)
    assert.ok(asked <= 6, `${asked} questions`)
  }
  assert.equal(await culprit([clear], async () => false), undefined)
})
