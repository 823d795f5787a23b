/**
 * The seed scenario with real redis-cli and tcpdump on both arms: every item of semantics 13
 * that does not depend on the seed's random values, read out of the two captures, the log and the listings.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import {
  CIP,
  captured,
  LIP,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'
import { read } from '../kit/tcpdump-line.ts'

const lab = labForTests('seed')
const folder = scratchFolder()
const SEED = 'get set testclienthhhhhhhhhh testclienthhhhhhhhhh'.split(' ')

/** The conversation as both sides saw it, and what was listed after it. */
async function converse() {
  await mustTapvs(lab, 'log', 'level', 'debug')
  const logStart = Buffer.byteLength(logSince(lab.paths, 0))
  let reply = ''
  const lines = await captured(lab, folder, async () => {
    reply = await mustClient(lab, ['redis-cli', '-h', VIP, '-p', '6379', ...SEED])
  })
  const [conns, services, addresses] = [
    await mustTapvs(lab, 'ipvsadm', '-ln', '-c'),
    await mustTapvs(lab, 'ipvsadm', '-ln'),
    await mustTapvs(lab, 'dpip', 'addr', 'show'),
  ]
  const client = lines.client.map(read)
  const rs = lines.rs.map(read)
  const cport = Number(client[0].from.split('.')[4])
  const lport = Number(rs[0].from.split('.')[4])
  const delta = (rs[0].seq - client[0].seq) >>> 0
  const toa = `exp-${cport.toString(16).padStart(4, '0')}`
  return { logStart, reply, conns, services, addresses, client, rs, cport, lport, delta, toa }
}

let seed: Awaited<ReturnType<typeof converse>>

test('the conversation of the seed', async () => {
  seed = await converse()
})

test('reply (27)', () => {
  const { reply } = seed
  assert.match(reply, /^ERR wrong number of arguments for 'get' command/)
})

test('ten packets on each side, one for one, in the same order (8)', () => {
  const { client, rs, cport, lport } = seed
  const inbound = client.map(({ from }) => from.startsWith(CIP))
  assert.deepEqual(
    inbound,
    rs.map(({ from }) => from.startsWith(LIP)),
  )
  assert.deepEqual(
    client.map(({ flags }) => flags),
    rs.map(({ flags }) => flags),
  )
  assert.deepEqual(
    client.map(({ length }) => length),
    rs.map(({ length }) => length),
  )
  // The RS may acknowledge the request alone or with its answer: the kernel's choice, usually alone.
  assert.ok(client.length === 10 || client.length === 9, `${client.length} packets`)
  assert.equal(inbound.filter(Boolean).length, 6)
  for (const [i, segment] of client.entries()) {
    const [from, to] = inbound[i]
      ? [`${CIP}.${cport}`, `${VIP}.6379`]
      : [`${VIP}.6379`, `${CIP}.${cport}`]
    assert.deepEqual([segment.from, segment.to], [from, to])
    const [rsFrom, rsTo] = inbound[i]
      ? [`${LIP}.${lport}`, `${RIP}.6379`]
      : [`${RIP}.6379`, `${LIP}.${lport}`]
    assert.deepEqual([rs[i].from, rs[i].to], [rsFrom, rsTo])
  }
})

test('first lport of one unpartitioned worker is 1025 (7)', () => {
  const { lport } = seed
  assert.equal(lport, 1025)
})

test('SYN: TOA first, timestamp as NOPs, MSS untouched (11-18)', () => {
  const { client, rs, toa } = seed
  const [before, after] = [client[0], rs[0]]
  assert.equal(before.options[0], 'mss 1460')
  assert.match(before.options.join(), /sackOK,TS val \d+ ecr 0,nop,wscale \d+$/)
  const nops = Array(11).fill('nop')
  assert.deepEqual(after.options, [toa, 'mss 1460', 'sackOK', ...nops, before.options[4]])
  assert.equal(after.win, before.win)
  assert.equal(after.length, 0)
})

test('SYN+ACK: RS sequence passes, ack minus delta, MSS minus 8, no timestamp (19-21)', () => {
  const { client, rs } = seed
  const [after, before] = [client[1], rs[1]]
  assert.equal(before.options[0], 'mss 1460')
  assert.equal(after.options[0], 'mss 1452')
  assert.deepEqual(after.options.slice(1), before.options.slice(1))
  assert.ok(!before.options.some(option => option.startsWith('TS')))
  assert.equal(after.seq, before.seq)
  assert.equal(after.ack, client[0].seq + 1)
  assert.equal(before.ack, (rs[0].seq + 1) >>> 0)
  assert.equal(after.win, before.win)
})

test('sequence numbers: inbound plus delta, outbound ack minus delta (21, 28)', () => {
  const { client, rs, delta } = seed
  for (const [i, segment] of client.entries()) {
    if (segment.from.startsWith(CIP)) {
      if (segment.seq) assert.equal(rs[i].seq, (segment.seq + delta) >>> 0)
      assert.equal(rs[i].ack, segment.ack)
    } else {
      assert.equal(rs[i].seq, segment.seq)
      assert.equal(segment.ack, (rs[i].ack - delta) >>> 0)
    }
    assert.equal(rs[i].win, segment.win, 'window (29)')
  }
})

test('TOA on the SYN and on segments whose ack is the RS ISN + 1, on no others (22-26)', () => {
  const { client, rs, toa } = seed
  const first = (rs[1].seq + 1) >>> 0
  for (const [i, segment] of rs.entries()) {
    if (!segment.from.startsWith(LIP) || i === 0) continue
    const due = segment.ack === first && !segment.flags.includes('F')
    assert.deepEqual(segment.options, due ? [toa] : [], `packet ${i}`)
    assert.deepEqual(client[i].options, [], 'the client sends none')
  }
  assert.equal(rs.filter(({ options }) => options.includes(toa)).length, 3)
})

test('payload unchanged (23, 24, 27)', () => {
  const { client, rs } = seed
  const request = rs.findIndex(({ length }) => length === 76)
  const answer = rs.findIndex(({ length }) => length === 50)
  assert.ok(request > 0 && answer > request)
  assert.match(rs[request].tail, /RESP.*get.*set.*testclienthhhhhhhhhh.*testclienthhhhhhhhhh/)
  assert.equal(client[request].tail, rs[request].tail)
  assert.equal(client[answer].tail, rs[answer].tail)
  assert.match(client[answer].tail, /wrong number of arguments/)
})

test('three-packet close by the client (30, 31)', () => {
  const { client } = seed
  const [fin, answer, last] = client.slice(-3)
  assert.deepEqual([fin.flags, answer.flags, last.flags], ['F.', 'F.', '.'])
  assert.equal(fin.seq, client[0].seq + 77)
  assert.equal(answer.ack, fin.seq + 1)
  assert.equal(last.ack, answer.seq + 1)
})

test('log lines, all of them, in order (32-38)', async () => {
  const { client, cport, lport, logStart } = seed
  const log = () =>
    logSince(lab.paths, logStart)
      .split('\n')
      .filter(line => line !== '')
  const packets = client.length
  await until(
    'the log',
    { limitMs: 3000 },
    () => log().filter(line => line.includes('conn lookup')).length >= packets || undefined,
  )
  const [c, v, l, r] = [`${CIP}:${cport}`, `${VIP}:6379`, `${LIP}:${lport}`, `${RIP}:6379`]
  const lookup = (inbound: boolean, result: string) =>
    `IPVS: conn lookup: [1] TCP ${inbound ? `${c} -> ${v}` : `${r} -> ${l}`} ${result} `
  const trans = (dir: string, flags: string, edge: string) =>
    `IPVS: state trans: TCP ${dir} [${flags}] ${c}->${r}  state ${edge} conn.refcnt 2`
  const expected = client.flatMap((segment, i) => {
    const inbound = segment.from.startsWith(CIP)
    const line = lookup(inbound, i === 0 ? 'miss' : 'hit')
    if (i === 0) {
      return [
        line,
        `SAPOOL: sa_pool_fetch: ${l} fetched!`,
        `IPVS: new conn:  [1] TCP ${c} ${v} ${l} ${r} refs 2`,
        trans('in', 'S...', 'NONE->SYN_RECV'),
      ]
    }
    if (i === 1) return [line, 'NEIGHBOUR: REACHABLE trans state to REACHABLE.']
    if (i === 2) return [line, trans('in', '..A.', 'SYN_RECV->ESTABLISHED')]
    if (segment.flags !== 'F.') return [line]
    return inbound
      ? [line, trans('in', '.FA.', 'ESTABLISHED->CLOSE_WAIT')]
      : [line, trans('out', '.FA.', 'CLOSE_WAIT->TIME_WAIT')]
  })
  assert.deepEqual(log(), expected)
})

test('listings after the close (3-5, 39)', () => {
  const { conns, services, addresses, cport } = seed
  assert.equal(
    conns,
    `[1]tcp 7s     TIME_WAIT   ${`${CIP}:${cport}`.padEnd(18)} ${`${VIP}:6379`.padEnd(18)} ${`${LIP}:1025`.padEnd(18)} ${RIP}:6379\n`,
  )
  assert.equal(
    services,
    [
      'IP Virtual Server version 0.0.0 (size=0)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  202.108.10.1:6379 wrr',
      '  -> 192.168.168.2:6379           FullNat 100    0          1         ',
      '',
    ].join('\n'),
  )
  assert.match(addresses, /inet 202\.108\.10\.1\/32 scope global ext0\n {5}valid_lft forever/)
  assert.match(addresses, /inet 192\.168\.168\.3\/32 scope global int0\n/)
  assert.match(
    addresses,
    /inet 192\.168\.168\.7\/32 scope global int0\n {5}valid_lft forever preferred_lft forever sa_used 1 sa_free 1032175 sa_miss 0\n/,
  )
})

test('counts on the wire (9)', async () => {
  const { client } = seed
  const row = (await mustTapvs(lab, 'ipvsadm', '-ln', '--stats'))
    .split('\n')
    .at(-2)
    ?.trim()
    .split(/\s+/)
  // Lengths before translation; with timestamps gone from the connection they are the seed's.
  const out = client.filter(({ from }) => from.startsWith(VIP)).length
  assert.deepEqual(row?.slice(2), ['1', '6', `${out}`, '336', `${52 + 90 + 40 * (out - 2)}`])
})

test('expiry is silent and gives everything back (40, 41)', async () => {
  const quiet = await captured(lab, folder, () => untilNoConns(lab))
  assert.deepEqual(quiet, { client: [], rs: [] })
  assert.match(await mustTapvs(lab, 'dpip', 'addr', 'show'), /sa_used 0 sa_free 1032176 sa_miss 0/)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), /FullNat 100 {4}0 {10}0 {9}\n/)
})

test('a close by the RS ends in TIME_WAIT as well (42, 43)', async () => {
  const logStart = Buffer.byteLength(logSince(lab.paths, 0))
  const quit = `exec 3<>/dev/tcp/${VIP}/6379; printf 'QUIT\\r\\n' >&3; cat <&3`
  const lines = await captured(lab, folder, async () => {
    assert.equal(await mustClient(lab, ['bash', '-c', quit]), '+OK\r\n')
  })
  const fins = lines.client.filter(line => line.includes('[F')).map(line => line.split(' ')[0])
  assert.deepEqual(
    fins.map(from => from.startsWith(VIP)),
    [true, false],
  )
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln', '-c'), /TIME_WAIT .*:1026 /)
  await until(
    'the log',
    { limitMs: 3000 },
    () => /FIN_WAIT->TIME_WAIT/.test(logSince(lab.paths, logStart)) || undefined,
  )
  const edges = [
    ...logSince(lab.paths, logStart).matchAll(/TCP (in|out) \[(.{4})\] .* state (\S+)/g),
  ]
  assert.deepEqual(
    edges.map(([, dir, flags, edge]) => `${dir} ${flags} ${edge}`),
    [
      'in S... NONE->SYN_RECV',
      'in ..A. SYN_RECV->ESTABLISHED',
      'out .FA. ESTABLISHED->FIN_WAIT',
      'in .FA. FIN_WAIT->TIME_WAIT',
    ],
  )
})

test('VIP, LIP and the internal address answer a ping on their own arm only', async () => {
  const ping = (address: string) => ['ping', '-c1', '-W1', '-n', address]
  assert.equal((await lab.client(ping(VIP))).code, 0)
  assert.equal((await lab.rs(ping(LIP))).code, 0)
  assert.equal((await lab.rs(ping('192.168.168.3'))).code, 0)
  // No route leads a client there; with one, nobody answers its ARP.
  await mustClient(lab, ['ip', 'route', 'add', '192.168.168.0/24', 'dev', 'ext0'])
  assert.notEqual((await lab.client(ping(LIP))).code, 0)
})
