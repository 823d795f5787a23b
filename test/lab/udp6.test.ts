/**
 * IPv6 between real programs: a DNS server and dig, datagrams both ways, single ones, large ones in fragments, a port that nobody has; and nginx
 * that is told its clients by headers of the PROXY protocol.
 */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import {
  CIP6,
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP6,
  scratchFolder,
  VIP6,
} from '../kit/lab.ts'

const NAME = 'www.example.test'
const ANSWER = '2001:db8:77::1'
const LIP6 = '2001:db8:168::7'
const folder = scratchFolder()
const SYSLOG = join(folder, 'syslog')

const config = labConfig(folder, 'udp6', yaml => {
  const real_servers = [{ address: RIP6 }]
  const web = [{ address: RIP6, port: 80 }]
  yaml.setIn(['arms', 0, 'addresses'], [`${VIP6}/128`])
  yaml.setIn(['arms', 0, 'routes'], [{ to: '2001:db8:10::/64' }])
  yaml.setIn(['arms', 1, 'addresses'], ['2001:db8:168::3/128'])
  yaml.setIn(['arms', 1, 'mtu'], 1400)
  yaml.setIn(['arms', 1, 'local_addresses'], [LIP6])
  yaml.setIn(['arms', 1, 'routes'], [{ to: '2001:db8:168::/64' }])
  yaml.set('services', [
    { address: VIP6, port: 53, real_servers },
    { address: VIP6, port: 53, protocol: 'udp', persistence: 30, real_servers },
    { address: VIP6, port: 5201, real_servers },
    { address: VIP6, port: 5201, protocol: 'udp', real_servers },
    { address: VIP6, port: 514, protocol: 'udp', one_packet: true, real_servers },
    { address: VIP6, port: 81, proxy_protocol: 'v1', real_servers: web },
    { address: VIP6, port: 82, proxy_protocol: 'v2', real_servers: web },
    { address: VIP6, port: 7, protocol: 'udp', real_servers },
    { address: VIP6, port: 9, protocol: 'udp', real_servers },
    { address: VIP6, port: 10, protocol: 'udp', when_down: 'reject' },
  ])
})
const lab = labForTests('udp6', { config, ipv6: true }, 'tap')
const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))
const dig = (...more: string[]) =>
  mustClient(lab, ['dig', `@${VIP6}`, NAME, '+short', '+time=2', '+tries=2', ...more])

const stops: (() => Promise<void>)[] = []
after(() => Promise.all(stops.map(stop => stop())))

const NGINX = join(folder, 'nginx.conf')
const nginxConfig = (own: string) => `
daemon off; worker_processes 1; pid ${own}/nginx.pid; error_log ${own}/error.log; user root;
events { }
http {
  access_log off;
  client_body_temp_path ${own}/body; proxy_temp_path ${own}/p; fastcgi_temp_path ${own}/f;
  uwsgi_temp_path ${own}/u; scgi_temp_path ${own}/s;
  server { listen [${RIP6}]:80 proxy_protocol; location / {
    return 200 "$proxy_protocol_addr $proxy_protocol_port > $proxy_protocol_server_addr $proxy_protocol_server_port by $remote_addr, $content_length bytes\\n"; } }
}
`
/** Answers each datagram with the same. */
const ECHO = `
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("${RIP6}", 7))
while True:
    data, end = s.recvfrom(65536)
    s.sendto(data, end)
`

function serve(argv: string[]): void {
  const child = lab.spawn('rs', argv, { stdio: 'ignore' })
  const gone = new Promise<void>(done => child.once('exit', () => done()))
  // Not by the hook of the test that calls it.
  stops.push(() => {
    child.kill('SIGKILL')
    return gone
  })
}

test('the servers are there', async () => {
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root']
  const none = ['--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${RIP6}`]
  serve(['dnsmasq', ...own, ...none, `--address=/${NAME}/${ANSWER}`])
  serve(['python3', '-c', ECHO])
  writeFileSync(NGINX, nginxConfig(folder))
  serve(['nginx', '-p', folder, '-c', NGINX])
  serve(['iperf3', '--server', '--bind', RIP6])
  serve(['socat', '-u', `UDP6-RECV:514,bind=[${RIP6}]`, `OPEN:${SYSLOG},creat,append`])
  await until('dnsmasq to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
    const asked = ['dig', `@${VIP6}`, NAME, 'AAAA', '+short', '+time=1', '+tries=1']
    return (await lab.client(asked)).code === 0 || undefined
  })
})

test('dig by UDP and by TCP, on the same VIP and port; listings and whois say so', async () => {
  assert.equal(await dig('AAAA'), `${ANSWER}\n`)
  assert.equal(await dig('AAAA', '+tcp'), `${ANSWER}\n`)
  const services = await type('-ln')
  for (const line of [/^TCP {2}\[2001:db8:10::1\]:53 wrr$/m, /^UDP {2}\[2001:db8:10::1\]:53 wrr /m])
    assert.match(services, line)
  const row =
    /^\[1\]udp 300s {3}UDP_NORM {4}\[2001:db8:10::2\]:\d+ \[2001:db8:10::1\]:53 \[2001:db8:168::7\]:(\d+) \[2001:db8:168::2\]:53$/m
  const rows = await type(`-lnc -u [${VIP6}]:53`)
  assert.match(rows, row)
  const [, lport = ''] = row.exec(rows) ?? []
  const said = await mustTapvs(lab, 'whois', `[${LIP6}]:${lport}`)
  assert.match(said, /^udp .*\[2001:db8:10::2\].* UDP_NORM /m)
})

// Beside another test two cores may have no time for some.
const LOST_MOST = 0.05

test('datagrams both ways, and hardly any is lost', async () => {
  for (const back of [[], ['--reverse']]) {
    const rate = ['--bitrate', '8M', '--length', '1200', '--time', '1']
    const said = await mustClient(lab, ['iperf3', '-6', '-c', VIP6, '-u', '-J', ...rate, ...back])
    const { end } = JSON.parse(said) as { end: { sum: { lost_packets: number; packets: number } } }
    assert.ok(end.sum.lost_packets <= LOST_MOST * end.sum.packets, said)
    assert.ok(end.sum.packets > 500, `${end.sum.packets} packets`)
  }
})

test('single packets leave no connection', async () => {
  for (const text of ['one\n', 'two\n'])
    await mustClient(lab, ['socat', '-u', '-', `UDP6:[${VIP6}]:514`], text)
  await until('both of them', { limitMs: 5000, everyMs: 50 }, () => {
    return (existsSync(SYSLOG) && readFileSync(SYSLOG, 'utf8') === 'one\ntwo\n') || undefined
  })
  assert.equal(await type(`-lnc -u [${VIP6}]:514`), '')
})

test('datagrams and pings that are larger than either link, whose MTUs differ', async () => {
  const counted = async () => (await countersOf(lab)).events as Record<string, number>
  const before = await counted()
  // A link that is narrower behind the balancer: the first one is too big, and the kernel learns of it.
  const code = `
import os, socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(("${VIP6}", 7)); s.settimeout(2)
for size in (1000, 1380, 4000, 20000, 60000):
    sent = os.urandom(size)
    for attempt in range(5):
        try:
            s.send(sent)
            back = s.recv(65536)
            break
        except (TimeoutError, OSError): pass
    print(size, back == sent)`
  const said = await mustClient(lab, ['python3', '-c', code])
  assert.equal(said, '1000 True\n1380 True\n4000 True\n20000 True\n60000 True\n')
  const ping = ['ping', '-6', '-c', '2', '-i', '0.2', '-W', '5', '-s', '30000', VIP6]
  const pinged = await mustClient(lab, ping)
  assert.match(pinged, /2 received/)
  assert.doesNotMatch(pinged, /wrong data byte/)
  const { reassembled = 0, fragmented = 0, icmp_frag_needed = 0 } = await counted()
  const more = (now: number, name: string) => now - (before[name] ?? 0)
  assert.ok(more(reassembled, 'reassembled') >= 8, `${reassembled}`)
  assert.ok(more(fragmented, 'fragmented') >= 8, `${fragmented}`)
  assert.ok(more(icmp_frag_needed, 'icmp_frag_needed') >= 1, `${icmp_frag_needed}`)
})

test('nginx is told its clients by headers of either version', async () => {
  for (const port of [81, 82]) {
    const argv = ['curl', '-sS', '--max-time', '9', '--local-port', `${31_000 + port}`]
    const path = `http://[${VIP6}]:${port}/`
    const said = await mustClient(lab, [...argv, '--data-binary', 'x'.repeat(3000), path])
    assert.equal(said, `${CIP6} ${31_000 + port} > ${VIP6} ${port} by ${LIP6}, 3000 bytes\n`)
  }
  const { proxy_added = 0, proxy_alone = 0 } = (await countersOf(lab)).events
  assert.equal(proxy_added + proxy_alone, 2)
})

test('who sends to a port that the RS has not, or nobody takes, is told at once', async () => {
  for (const port of [9, 10]) {
    const code = `
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("${CIP6}", 0)); s.connect(("${VIP6}", ${port})); s.settimeout(5); s.send(b"x")
try: s.recv(9)
except ConnectionRefusedError: print("refused")`
    assert.equal(await mustClient(lab, ['python3', '-c', code]), 'refused\n')
  }
})
