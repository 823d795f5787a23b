/** UDP between real programs: a DNS server and dig, iperf3 both ways, syslog in single packets; and what listings say of it. */
// alone: datagrams that two cores have no time for are lost

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import type { Side } from '../../netns/topology.ts'
import {
  CIP,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { connectionId, shortHeader } from '../kit/quic.ts'

const NAME = 'www.example.test'
const ANSWER = '192.0.2.77'
const folder = scratchFolder()
const SYSLOG = join(folder, 'syslog')

const config = labConfig(folder, 'udp', yaml => {
  const real_servers = [{ address: RIP }]
  const check = {
    type: 'dns',
    name: NAME,
    record: 'a',
    interval: 0.3,
    timeout: 0.5,
    fall: 2,
    rise: 1,
  }
  yaml.set('services', [
    { address: VIP, port: 53, real_servers },
    { address: VIP, port: 53, protocol: 'udp', check, real_servers },
    { address: VIP, port: 5201, real_servers },
    { address: VIP, port: 5201, protocol: 'udp', conn_timeout: 20, real_servers },
    { address: VIP, port: 514, protocol: 'udp', one_packet: true, real_servers },
    {
      ...{ address: VIP, port: 443, protocol: 'udp', quic: true, scheduler: 'rr' },
      real_servers: [4433, 4434].map(port => ({ address: RIP, port })),
    },
  ])
})
const lab = labForTests('udp', { config })
const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))

const stops: (() => Promise<void>)[] = []
after(() => Promise.all(stops.map(stop => stop())))

function serve(side: Side, argv: string[]): () => Promise<void> {
  const child = lab.spawn(side, argv, { stdio: 'ignore' })
  const gone = new Promise<void>(done => child.once('exit', () => done()))
  const stop = async () => {
    child.kill('SIGKILL')
    await gone
  }
  // Not by the hook of the test that calls it.
  stops.push(stop)
  return stop
}

function dnsmasq(): () => Promise<void> {
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root']
  const none = ['--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${RIP}`]
  return serve('rs', ['dnsmasq', ...own, ...none, `--address=/${NAME}/${ANSWER}`])
}

const dig = (...more: string[]) =>
  mustClient(lab, ['dig', `@${VIP}`, NAME, '+short', '+time=2', '+tries=2', ...more])

/** The listing of services has this line, within some seconds. */
async function untilListed(what: string, line: RegExp): Promise<void> {
  await until(what, { limitMs: 15_000, everyMs: 100 }, async () => {
    return line.test(await type(`-ln -u ${VIP}:53`)) || undefined
  })
}

let stopDns: () => Promise<void>
test('the servers are there', async () => {
  stopDns = dnsmasq()
  serve('rs', ['iperf3', '--server', '--bind', RIP])
  for (const port of [4433, 4434])
    serve('rs', ['socat', `UDP-RECVFROM:${port},bind=${RIP},fork`, `SYSTEM:echo ${port}`])
  serve('rs', ['socat', '-u', `UDP-RECV:514,bind=${RIP}`, `OPEN:${SYSLOG},creat,append`])
  await until('dnsmasq to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
    const { code } = await lab.rs(['dig', `@${RIP}`, NAME, '+short', '+time=1', '+tries=1'])
    return code === 0 || undefined
  })
})

test('dig by UDP and by TCP, on the same VIP and port', async () => {
  await untilListed('the check by DNS', new RegExp(`-> ${RIP}:53 +FullNat 1 +\\d+ +\\d+ +$`, 'm'))
  assert.equal(await dig(), `${ANSWER}\n`)
  assert.equal(await dig('+tcp'), `${ANSWER}\n`)
  const services = await type('-ln')
  for (const line of [/^TCP {2}202\.108\.10\.1:53 wrr$/m, /^UDP {2}202\.108\.10\.1:53 wrr$/m])
    assert.match(services, line)
  const row = new RegExp(
    `^\\[1\\]udp 300s {3}UDP_NORM {4}${CIP}:\\d+ +${VIP}:53 +${LIP}:(\\d+) +${RIP}:53$`,
    'm',
  )
  const rows = await type(`-lnc -u ${VIP}:53`)
  const [, lport = ''] = row.exec(rows) ?? []
  assert.match(rows, row)
  assert.match(await mustTapvs(lab, 'whois', `${LIP}:${lport}`), /^udp .* UDP_NORM /m)
  const stats = await type(`-ln --stats -u ${VIP}:53`)
  assert.match(stats, /^UDP {2}202\.108\.10\.1:53 +1 +1 +1 /m, 'the check counts in none')
})

test('a real server whose DNS is gone is out, and comes back', async () => {
  await stopDns()
  await untilListed('it to be inhibited', new RegExp(`${RIP}:53 .* inhibited$`, 'm'))
  stopDns = dnsmasq()
  await untilListed('it to be back', new RegExp(`-> ${RIP}:53 +FullNat 1 +\\d+ +\\d+ +$`, 'm'))
  await until('dig', { limitMs: 5000, everyMs: 100 }, async () => {
    return (await dig()) === `${ANSWER}\n` || undefined
  })
})

for (const direction of ['to the RS', 'to the client']) {
  test(`iperf3, datagrams of 1200 bytes ${direction}, and none is lost`, async () => {
    const rate = ['--bitrate', '8M', '--length', '1200', '--time', '2']
    const back = direction === 'to the client' ? ['--reverse'] : []
    const said = await mustClient(lab, ['iperf3', '-c', VIP, '-u', '-J', ...rate, ...back])
    const { end } = JSON.parse(said) as {
      end: { sum: { lost_packets: number; packets: number } }
    }
    assert.equal(end.sum?.lost_packets, 0, said)
    assert.ok(end.sum.packets > 1000, `${end.sum.packets} packets`)
  })
}

test('single packets leave no connection, also those without a checksum', async () => {
  const send = (text: string, more = '') =>
    mustClient(lab, ['socat', '-u', '-', `UDP:${VIP}:514${more}`], text)
  await send('one\n')
  await send('two\n')
  // SO_NO_CHECK of SOL_SOCKET.
  await send('three\n', ',setsockopt-int=1:11:1')
  await until('all of them', { limitMs: 5000, everyMs: 50 }, () => {
    return (existsSync(SYSLOG) && readFileSync(SYSLOG, 'utf8') === 'one\ntwo\nthree\n') || undefined
  })
  assert.equal(await type(`-lnc -u ${VIP}:514`), '')
  assert.match(await type('-ln'), /^UDP {2}202\.108\.10\.1:514 wrr ops$/m)
  assert.match(await type(`-ln --stats -u ${VIP}:514`), /^UDP {2}202\.108\.10\.1:514 +3 +3 +0 /m)
})

test('a client of QUIC that has moved finds its real server by the connection ID', async () => {
  // Text all of it: one byte of the address, with the port. 4434 is 0x1152.
  const id = connectionId({ address: RIP, bytes: 1, port: 4434 }).map(byte => byte & 0x7f)
  const payload = Buffer.from(shortHeader(id)).toString('latin1')
  const send = (port: number) =>
    mustClient(lab, ['socat', '-u', '-', `UDP:${VIP}:443,sourceport=${port}`], payload)
  const row = new RegExp(`UDP_NORM +${CIP}:4044[345] +${VIP}:443 +${LIP}:\\d+ +${RIP}:4434$`, 'gm')
  await until('its answers', { limitMs: 15_000, everyMs: 100 }, async () => {
    // A server that forks may miss one that comes while it does.
    for (const port of [40_443, 40_444, 40_445]) await send(port)
    return (await type(`-lnc -u ${VIP}:443`)).match(row)?.length === 3 || undefined
  })
  assert.match(await type('-ln'), /^UDP {2}202\.108\.10\.1:443 rr quic$/m)
  assert.match(await mustTapvs(lab, 'counters'), /quic_by_id +3\b/)
})

test('what was not answered says so; timeouts are those of the service or of --set', async () => {
  await mustClient(lab, ['socat', '-u', '-', `UDP:${VIP}:5201`], 'nobody answers this\n')
  assert.match(await type(`-lnc -u ${VIP}:5201`), /^\[1\]udp 20s {4}UDP_ONEWAY {2}/m)
  await type(`-E -u ${VIP}:5201`)
  await type('--set 0 0 1')
  assert.match(await type('--timeout'), /^Timeout \(tcp tcpfin udp\): 90 7 1$/m)
})

test('ended ones are known by their protocol, and services are saved with it', async () => {
  const before = await mustTapvs(lab, 'ipvsadm', '-S')
  assert.match(before, new RegExp(`^-A -u ${VIP}:514 -s wrr -o$`, 'm'))
  await dig('-b', `${CIP}#40053`)
  const row = new RegExp(`^\\[1\\]udp 1s .* ${CIP}:40053 .* ${LIP}:(\\d+) `, 'm')
  const [, lport] = row.exec(await type(`-lnc -u ${VIP}:53`)) ?? []
  assert.ok(lport)
  await until('its end', { limitMs: 10_000, everyMs: 200 }, async () => {
    return !(await type('-lnc')).includes(`${LIP}:${lport} `) || undefined
  })
  const { stdout } = await lab.tapvs(['whois', `${LIP}:${lport}`], { timeoutMs: 10_000 })
  assert.match(stdout, new RegExp(`^udp +${CIP}:40053 .* timeout \\(UDP_NORM\\)`, 'm'))
})
