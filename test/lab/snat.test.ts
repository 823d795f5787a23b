/**
 * SNAT between real kernels: a host among the real servers speaks to a redis-server and a DNS server among the clients, through two
 * workers, and is seen there from an address of ours.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Capture } from '../../netns/capture.ts'
import { dots, showConversation, shownIn } from '../../netns/demo.ts'
import { until } from '../../netns/processes.ts'
import { WAYS_OUT } from '../../netns/topology.ts'
import { TapvsClient } from '../../src/client/index.ts'
import { hostText } from '../../src/wire/ip-address.ts'
import { FAR_NET, Far } from '../kit/far.ts'
import { CIP, CIP6, countersOf, labForTests, mustTapvs, RIP, RIP6 } from '../kit/lab.ts'

const lab = labForTests('snat', { workers: 2, ipv6: true, mode: 'snat' })
const far = new Far(lab, 'client')
const [{ outside: OUTSIDE }, { outside: OUTSIDE6 }] = WAYS_OUT
const [HOSTS, HOSTS6] = WAYS_OUT.map(({ hosts }) => `src-range=${hosts},oif=ext0`)
/** As it is printed, in a pattern. */
const printed = (address: string) => dots(hostText(address))

const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))

async function inside(argv: string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await lab.rs(argv, { timeoutMs: 20_000, input })
  assert.equal(code, 0, `${argv.join(' ')}: exit code ${code}, ${stderr}`)
  return stdout.trim()
}

/** A host inside speaks to redis outside, with values of `bytes` each way. => The connections that are listed then */
async function conversed(
  host: string,
  server: string,
  outside: string,
  bytes: number,
): Promise<string> {
  const redis = (argv: string[], input?: string) =>
    inside(['redis-cli', '-h', server, ...argv], input)
  assert.match(await redis(['client', 'list']), new RegExp(`addr=${printed(outside)}:\\d+ `))
  assert.equal(await redis(['-x', 'set', 'big'], 'x'.repeat(bytes)), 'OK')
  assert.equal((await redis(['get', 'big'])).length, bytes)
  // Enough of them that both workers have some.
  const many = Array.from({ length: 8 }, (_, i) => redis(['echo', `${i}`]))
  assert.deepEqual(await Promise.all(many), [...'01234567'])
  const conns = await type('-lnc')
  const asked = `${printed(host)}:\\d+ +${printed(server)}:6379`
  const went = `${printed(outside)}:\\d+ +${printed(server)}:6379`
  const ends = new RegExp(` ${asked} +${went}$`, 'gm')
  assert.ok((conns.match(ends) ?? []).length >= 11, conns)
  return conns
}

/** Of one of these connections, the host behind the address outside, by the command line and by the client library. */
async function whoIs(conns: string, host: string, outside: string): Promise<void> {
  const row = new RegExp(`${printed(host)}:(\\d+) .* ${printed(outside)}:(\\d+) `).exec(conns)
  const [, hostPort, port] = row ?? []
  const client = `${hostText(host)}:${hostPort}`
  const told = await mustTapvs(lab, 'whois', `${hostText(outside)}:${port}`)
  assert.match(told, new RegExp(`^tcp +${dots(client)} .* SNAT$`, 'm'))
  const tapvs = new TapvsClient({ socket: lab.paths.socket })
  const { conns: found } = await tapvs.whois({ address: outside, port: Number(port) })
  tapvs.close()
  assert.ok(
    found.some(one => one.client === client && one.forwarding === 'snat'),
    JSON.stringify(found),
  )
}

test('by --mode snat the lab has match services, which are saved, restored and set up by words', async () => {
  const saved = await type('-S')
  const row = `-a -H proto=tcp,${HOSTS} -r ${printed(OUTSIDE)}:0 -J -w 1`
  assert.match(saved, new RegExp(`^${row}$`, 'm'))
  await type('-C')
  assert.doesNotMatch(await type('-ln'), /MATCH/)
  const { code, stderr } = await lab.tapvs(['ipvsadm', '-R'], { input: saved })
  assert.equal(code, 0, stderr)
  assert.equal(await type('-S'), saved)
})

for (const ipv6 of [false, true])
  test(`the demo of it holds over ${ipv6 ? 'IPv6' : 'IPv4'}`, async t => {
    t.mock.method(console, 'log', () => {})
    const failures: string[] = []
    const captures: Capture[] = []
    const { signal } = new AbortController()
    try {
      await showConversation(shownIn(lab, { mode: 'snat', ipv6 }, signal), captures, failures)
    } finally {
      await Promise.all(captures.map(capture => capture.stop()))
    }
    assert.deepEqual(failures, [])
  })

test('redis-cli reaches a server outside, which sees it from there', async () => {
  // In frames of 64 KiB both ways.
  const conns = await conversed(RIP, CIP, OUTSIDE, 4 << 20)
  assert.deepEqual([...new Set(conns.match(/^\[\d\]tcp/gm))].sort(), ['[1]tcp', '[2]tcp'])
  await whoIs(conns, RIP, OUTSIDE)
  assert.match(await type('-ln'), new RegExp(`^ {2}-> ${OUTSIDE}:0 +SNAT +1 +0 +\\d\\d `, 'm'))
})

test('over IPv6 as well, asked for on the link by both workers', async () => {
  await whoIs(await conversed(RIP6, CIP6, OUTSIDE6, 1 << 20), RIP6, OUTSIDE6)
  const neighbours = await mustTapvs(lab, 'dpip', 'neigh', 'show')
  assert.equal(
    neighbours.match(new RegExp(`^ip: ${CIP6} .*dev: ext0`, 'gm'))?.length,
    2,
    neighbours,
  )
})

test('datagrams find their way out and back, and a refusal does', async () => {
  const echo = lab.spawn('client', ['socat', `UDP-LISTEN:5353,bind=${CIP},fork`, 'EXEC:cat'])
  const ask = async (port: number) => {
    const argv = ['socat', '-t1', '-', `UDP:${CIP}:${port}`]
    return (await lab.rs(argv, { timeoutMs: 5000, input: 'hello' })).stdout
  }
  try {
    await until('the echo', { limitMs: 5000, everyMs: 100 }, async () => {
      return (await ask(5353)) === 'hello' || undefined
    })
  } finally {
    echo.kill('SIGKILL')
  }
  // Port unreachable comes as an error of ICMP about what we have sent.
  const before = (await countersOf(lab)).events.icmp_translated ?? 0
  await ask(5999)
  assert.ok(((await countersOf(lab)).events.icmp_translated ?? 0) > before)
  const { stderr } = await lab.rs(['redis-cli', '-h', CIP, '-p', '6380', 'ping'], {
    timeoutMs: 5000,
  })
  assert.match(stderr, /Connection refused/)
})

test('pings find their way out and back, whole and in fragments, over both families', async () => {
  for (const server of [CIP, CIP6]) {
    const few = await inside(['ping', '-c', '3', '-i', '0.2', '-W', '2', server])
    assert.match(few, / 3 received, 0% packet loss/)
    const large = await inside(['ping', '-c', '1', '-s', '3000', '-W', '2', server])
    assert.match(large, /3008 bytes from/)
  }
  const conns = await type('-lnc')
  for (const { outside } of WAYS_OUT) {
    const row = `^\\[\\d\\]icmp 60s +ICMP_NORM .* ${printed(outside)}:\\d+ `
    assert.match(conns, new RegExp(row, 'm'))
  }
})

test('who asks hears of the router at which the time of a ping was up, as traceroute -I does', async () => {
  await far.up(1500)
  const host = `${FAR_NET.client}.2`
  await mustTapvs(lab, ...`dpip route add ${FAR_NET.client}.0/24 via ${CIP} dev ext0`.split(' '))
  const ping = ['ping', '-n', '-c', '1', '-W', '2', host]
  assert.match(await inside(ping), / 1 received, 0% packet loss/)
  const { stdout } = await lab.rs([...ping, '-t', '1'], { timeoutMs: 5000 })
  assert.match(stdout, new RegExp(`^From ${dots(CIP)} icmp_seq=1 Time to live exceeded`, 'm'))
})

test('without the service nothing goes out', async () => {
  for (const hosts of [HOSTS, HOSTS6])
    for (const proto of ['tcp', 'udp', 'icmp']) await type(`-D -H proto=${proto},${hosts}`)
  const { drops } = await countersOf(lab)
  const ping = ['timeout', '1', 'redis-cli', '-h', CIP, 'ping']
  assert.notEqual((await lab.rs(ping, { timeoutMs: 5000 })).code, 0)
  const after = (await countersOf(lab)).drops
  assert.ok((after.tcp_no_service ?? 0) > (drops.tcp_no_service ?? 0))
})
