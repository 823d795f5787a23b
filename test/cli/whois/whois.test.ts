import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WhoisConn, WhoisInfo } from '../../../src/api/commands.ts'
import { questionOf, spanOf } from '../../../src/cli/whois/question.ts'
import { formatWhois } from '../../../src/cli/whois/text.ts'
import { offsetText } from '../../../src/see/text/times.ts'

/** A Monday noon, local time, whatever the zone. */
const NOW = new Date(2026, 10, 23, 12, 0, 0).getTime()
const local = (...time: [number, number, number, number?, number?, number?]) =>
  new Date(...time).getTime()

test('what is said to the minute or the second is about all of it', () => {
  const spans: [text: string, fromMs: number, lengthMs: number][] = [
    ['11:59', local(2026, 10, 23, 11, 59), 60_000],
    ['1:02', local(2026, 10, 23, 1, 2), 60_000],
    ['11:03:11', local(2026, 10, 23, 11, 3, 11), 1000],
    ['11:03:11.2', local(2026, 10, 23, 11, 3, 11) + 200, 100],
    ['11:03:11,214', local(2026, 10, 23, 11, 3, 11) + 214, 1],
    ['11:03:11.214567', local(2026, 10, 23, 11, 3, 11) + 214, 1],
    // Still to come today, so it was yesterday.
    ['12:01', local(2026, 10, 22, 12, 1), 60_000],
    ['23:59:59', local(2026, 10, 22, 23, 59, 59), 1000],
    ['-30s', NOW - 30_000, 1000],
    ['-5m', NOW - 300_000, 1000],
    ['-1h30m', NOW - 5_400_000, 1000],
    ['-2d', NOW - 2 * 86_400_000, 1000],
    ['1795000000', 1_795_000_000_000, 1000],
    ['1795000000.5', 1_795_000_000_500, 100],
    ['2026-11-22T10:11:12Z', Date.UTC(2026, 10, 22, 10, 11, 12), 1000],
    ['2026-11-22T10:11:12.345z', Date.UTC(2026, 10, 22, 10, 11, 12, 345), 1],
    ['2026-11-22 10:11+02:00', Date.UTC(2026, 10, 22, 8, 11), 60_000],
    ['2026-11-22T10:11:12-0330', Date.UTC(2026, 10, 22, 13, 41, 12), 1000],
    ['2026-11-22T10:11:12', local(2026, 10, 22, 10, 11, 12), 1000],
  ]
  for (const [text, fromMs, length] of spans)
    assert.deepEqual(spanOf(text, NOW), { fromMs, toMs: fromMs + length - 1 }, text)
  // Of the present minute there is only what has been.
  assert.deepEqual(spanOf('12:00', NOW + 20_000), { fromMs: NOW, toMs: NOW + 20_000 })
})

test('what is no time is told with examples, and what is still to come', () => {
  for (const text of [
    ...['', 'x', '5m', '-5', '-5y', '-m', '24:00', '12:60', '12:00:60', '12', '12:3', '1:2:3'],
    ...['2026-11-22', '2026-02-30T10:00', '2026-13-01T10:00', '2026-11-22T25:00', '123', '1e9'],
    ...[
      '2026-11-22T10:11:12+25',
      '10:11:12Y',
      '1795000000000',
      '-5m ',
      '2026-11-22T10:11:12+99:99',
    ],
  ]) {
    const expected =
      'expected 12:03, 12:03:11, -5m, 2026-11-23T12:03:11+01:00 or seconds since 1970'
    assert.throws(() => spanOf(text, NOW), {
      message: `bad TIME ${JSON.stringify(text)}: ${expected}`,
      exitCode: 2,
    })
  }
  for (const text of ['2030-01-01T00:00', '2000000000'])
    assert.throws(() => spanOf(text, NOW), {
      message: `the TIME ${text} is still to come`,
      exitCode: 2,
    })
})

test('any text is a time of the past or one line', () => {
  const piece = fc.constantFrom(
    '-',
    ':',
    '.',
    'T',
    'Z',
    '+',
    ' ',
    '2026',
    '11',
    '5',
    'm',
    's',
    '00',
    '59',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      try {
        const { fromMs, toMs } = spanOf(pieces.join(''), NOW)
        assert.ok(Number.isInteger(fromMs) && fromMs <= toMs && toMs <= NOW, pieces.join(''))
      } catch (error) {
        assert.match((error as Error).message, /^(bad|the) TIME [^\n]*$/)
      }
    }),
    { numRuns: 3000 },
  )
})

test('endpoints', () => {
  assert.deepEqual(questionOf('192.168.168.7:1025', NOW), {
    address: '192.168.168.7',
    port: 1025,
    time: null,
  })
  const { time } = questionOf('10.0.0.1:1@-5m', NOW)
  assert.deepEqual(time, spanOf('-5m', NOW))
  for (const text of [
    '',
    '192.168.168.7',
    '192.168.168.7:',
    ':5',
    '1.2.3:4',
    'a:5',
    '::1:5',
    '1.2.3.4:5x',
  ])
    assert.throws(() => questionOf(text, NOW), {
      message: `expected LIP:LPORT[@TIME], like 192.168.168.7:1025 or 192.168.168.7:1025@12:03; found ${JSON.stringify(text)}`,
      exitCode: 2,
    })
  for (const port of [0, 65_536, 99_999])
    assert.throws(() => questionOf(`1.2.3.4:${port}`, NOW), {
      message: `expected a port 1-65535, found ${port}`,
    })
})

const CONN: WhoisConn = {
  worker: 1,
  protocol: 'tcp',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1025',
  rs: '192.168.168.2:6379',
  forwarding: 'fullnat',
  check: false,
  opened_ms: NOW - 60_000,
  state: 'ESTABLISHED',
  ended: null,
}
const ENDED: WhoisConn = {
  ...CONN,
  opened_ms: NOW - 86_400_000,
  state: 'TIME_WAIT',
  ended: { at_ms: NOW - 3000, last_ms: NOW - 10_000, how: 'fin_client' },
}
const INFO: WhoisInfo = {
  as: 'lip',
  lips: ['192.168.168.7'],
  conns: [],
  more: false,
  last: null,
  since_ms: null,
  gaps: [],
}

/** Of NOW and the days before; no zone changes its offset in these weeks. */
const Z = offsetText(NOW * 1000)

const text = (info: Partial<WhoisInfo>, asked = '192.168.168.7:1025') =>
  formatWhois({ ...INFO, ...info }, questionOf(asked, NOW), NOW)

test('who it is', () => {
  const pad = (blanks: number) => ' '.repeat(blanks + Z.length)
  const conns = [
    ENDED,
    CONN,
    {
      ...CONN,
      client: '169.254.0.1:5',
      vip: '169.254.1.0:1',
      opened_ms: null,
      check: true,
      worker: 12,
    },
    // What the real server sees is the client.
    { ...CONN, lip: CONN.client, forwarding: 'dr' as const },
  ]
  assert.equal(
    text({ conns, more: true }),
    `protocol  client              vip                lip                 rs                  since${pad(18)}  until${pad(7)}  state                   worker  forwarding
tcp       202.108.10.2:33896  202.108.10.1:6379  192.168.168.7:1025  192.168.168.2:6379  2026-11-22T12:00:00.000${Z}  11:59:57.000${Z}  fin_client (TIME_WAIT)  1       FullNAT
tcp       202.108.10.2:33896  202.108.10.1:6379  192.168.168.7:1025  192.168.168.2:6379  11:59:00.000${Z}             now${pad(9)}  ESTABLISHED             1       FullNAT
tcp       health check        -                  192.168.168.7:1025  192.168.168.2:6379  -${pad(22)}  now${pad(9)}  ESTABLISHED             12      FullNAT
tcp       202.108.10.2:33896  202.108.10.1:6379  -                   192.168.168.2:6379  11:59:00.000${Z}             now${pad(9)}  ESTABLISHED             1       DR
and more; only the last 4 are shown
`,
  )
})

test('nobody, as far as is known', () => {
  const lines = (...of: Parameters<typeof text>) =>
    text(...of)
      .trimEnd()
      .split('\n')
  assert.deepEqual(lines({}), ['nobody has 192.168.168.7:1025 now'])
  assert.deepEqual(lines({ since_ms: NOW - 5000 }), [
    `nobody has 192.168.168.7:1025 now; history reaches back to 11:59:55.000${Z}`,
  ])
  const [first, second, ...table] = lines({ last: ENDED, since_ms: NOW - 5000 })
  assert.deepEqual(
    [first, second, table.length],
    ['nobody has 192.168.168.7:1025 now', 'the last one was:', 2],
  )
  const asked = '192.168.168.7:1025@11:03'
  assert.deepEqual(lines({ since_ms: local(2026, 10, 21, 5, 0) }, asked), [
    `nobody had 192.168.168.7:1025 from 11:03:00${Z} to 11:03:59.999${Z}; history reaches back to 2026-11-21T05:00:00.000${Z}`,
  ])
  const gaps: WhoisInfo['gaps'] = [
    { why: 'unknown', from_ms: null, to_ms: NOW - 9000, records: 0 },
    { why: 'unknown', from_ms: NOW - 8000, to_ms: NOW - 7000, records: 0 },
    { why: 'unfinished', from_ms: NOW - 7000, to_ms: NOW - 6000, records: 0 },
    { why: 'lost', from_ms: NOW - 5000, to_ms: NOW - 1000, records: 7 },
  ]
  assert.deepEqual(lines({ gaps, since_ms: NOW - 9000 }, `${asked}:11`), [
    `nobody is known to have had 192.168.168.7:1025 at 11:03:11${Z}`,
    `history reaches back to 11:59:51.000${Z}; nothing is known of before`,
    `nothing is known from 11:59:52.000${Z} to 11:59:53.000${Z}: no history was written`,
    `what lived at 11:59:54.000${Z} is not in the file: the daemon that began at 11:59:53.000${Z} had told no end by then`,
    `7 records were lost between 11:59:55.000${Z} and 11:59:59.000${Z}`,
  ])
  assert.deepEqual(lines({ as: 'client' }, '10.0.0.1:5'), [
    'no client 10.0.0.1:5 has a connection now, and 10.0.0.1 is no LIP (LIPs: 192.168.168.7)',
  ])
})
