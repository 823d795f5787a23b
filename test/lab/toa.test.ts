/**
 * examples/toa/sockops.py: a BPF program tells a real server's clients by the TOA in the ACK of the handshake, on a stock kernel, over IPv4
 * and IPv6; with SYN cookies, when that ACK is lost, and of a redis-server that knows nothing of it. The cgroup and the BPF file
 * system are mounted where only this test sees them.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { SmallLab } from '../kit/small-lab.ts'

const SOCKOPS = join(CHECKOUT, 'examples/toa/sockops.py')
const REDIS = 6379
const ASKS = 8083
const FAMILIES = {
  IPv4: { vip: '198.51.100.1', client: '203.0.113.5', rs: '10.20.0.11', lip: '10.20.0.7' },
  IPv6: {
    vip: '2001:db8:10::1',
    client: '2001:db8:10::2',
    rs: '2001:db8:168::2',
    lip: '2001:db8:168::7',
  },
}
const LIPS = Object.values(FAMILIES).map(({ lip }) => lip)

const services = Object.values(FAMILIES).flatMap(({ vip, rs }) =>
  [REDIS, ASKS].map(
    port => `
  - { address: "${vip}", port: ${port}, real_servers: [{ address: "${rs}" }] }`,
  ),
)
const config = (wan: string, lan: string) => `
arms:
  - name: ext0
    netns: ${wan}
    addresses: [198.51.100.1/32, "2001:db8:10::1/128"]
    routes: [{ to: 203.0.113.0/24 }, { to: "2001:db8:10::/64" }]
  - name: int0
    netns: ${lan}
    addresses: [10.20.0.3/24, "2001:db8:168::3/64"]
    local_addresses: [10.20.0.7, "2001:db8:168::7"]
services:${services.join('')}
tcp: { toa: master }
`

const lab = new SmallLab('toa')
/** Not the lab's, which goes earlier. */
const folder = mkdtempSync(join(tmpdir(), 'tapvs-toa-'))
const cgroup = join(folder, 'cgroup', `tapvs-toa-${process.pid}`)
const pin = join(folder, 'bpf', 'toa')
let holder: ChildProcess
let redis: ChildProcess

/** The words before a command that make it see the mounts. */
const there = () => ['nsenter', '-m', '-t', `${holder.pid}`, '--']
/** The same, and the command runs in the cgroup. */
const member = () => [...there(), 'sh', '-c', 'echo $$ > "$0/cgroup.procs"; exec "$@"', cgroup]
const sockops = (...argv: string[]) => lab.run('lan', [...there(), SOCKOPS, ...argv])

async function mountApart(): Promise<void> {
  for (const name of ['cgroup', 'bpf']) mkdirSync(join(folder, name))
  const mounts = `cd ${folder} && mount -t cgroup2 none cgroup && mount -t bpf none bpf && mkdir ${cgroup} && echo mounted && exec sleep 1000`
  holder = spawn('unshare', ['-m', 'sh', '-c', mounts], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(holder.stdout as NodeJS.ReadableStream, 'data')
  assert.equal(String(said), 'mounted\n')
}

before(async () => {
  await mountApart()
  const [wan, lan] = [await lab.netns('wan'), await lab.netns('lan')]
  for (const [short, arm, end] of [
    ['wan', 'ext0', 'client'],
    ['lan', 'int0', 'rs'],
  ] as const) {
    await lab.tap(short, arm, `${FAMILIES.IPv4[end]}/24`)
    await lab.run(short, ['sysctl', '-q', '-w', `net.ipv6.conf.${arm}.disable_ipv6=0`])
    await lab.run(short, ['ip', 'addr', 'add', `${FAMILIES.IPv6[end]}/64`, 'dev', arm, 'nodad'])
  }
  await lab.run('lan', ['sysctl', '-q', '-w', 'net.ipv6.conf.lo.disable_ipv6=0'])
  await lab.run('wan', ['ip', 'route', 'add', '198.51.100.1/32', 'dev', 'ext0'])
  await sockops('attach', cgroup, pin)
  for (const { rs } of Object.values(FAMILIES))
    await lab.start(
      'lan',
      [...member(), SOCKOPS, 'serve', pin, rs, `${ASKS}`, ...LIPS],
      /listening/,
    )
  const quiet = ['--save', '', '--protected-mode', 'no', '--bind']
  redis = await lab.start(
    'lan',
    [...member(), 'redis-server', ...quiet, FAMILIES.IPv4.rs, FAMILIES.IPv6.rs],
    /Ready to accept/,
  )
  await lab.daemon(config(wan, lan))
})

after(async () => {
  // Whatever was in the cgroup has ended with the lab; the program goes with the last mount that shows it.
  await mustRun([...there(), SOCKOPS, 'detach', pin])
  await mustRun([...there(), 'rmdir', cgroup])
  holder.kill()
  await once(holder, 'exit')
  rmSync(folder, { recursive: true })
})

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)
const ask = (short: string, address: string, sport: number) => {
  const way = `TCP:${bracketed(address)}:${ASKS},sourceport=${sport},reuseaddr,connect-timeout=15`
  return lab.run(short, ['socat', '-u', way, '-'])
}

for (const [family, { vip, client, rs }] of Object.entries(FAMILIES)) {
  test(`${family}: a server asks for the client of a socket`, async () => {
    for (const sport of [31_001, 31_002, 31_003])
      assert.equal(await ask('wan', vip, sport), `${client} ${sport}\n`)
    // Who is no LIP is himself.
    assert.equal(await ask('lan', rs, 31_004), `${rs} 31004\n`)
  })
}

test('redis-server does not know it, and is told of all the same', async () => {
  const wanted: string[] = []
  for (const [i, { vip, client, lip }] of Object.values(FAMILIES).entries()) {
    assert.equal(await lab.run('wan', ['redis-cli', '-h', vip, 'ping']), 'PONG\n')
    for (const sport of [32_001 + 10 * i, 32_002 + 10 * i]) {
      const way = `TCP:${bracketed(vip)}:${REDIS},sourceport=${sport}`
      await lab.start('wan', ['socat', '-u', way, '-'])
      wanted.push(`${lip} LPORT is ${client} ${sport}`)
    }
  }
  await until('all to be listed', { limitMs: 5000, everyMs: 100 }, async () => {
    const lines = await sockops('clients', pin, `${redis.pid}`, ...LIPS)
    const said = lines
      .replace(/ \d+ is/g, ' LPORT is')
      .trim()
      .split('\n')
    return said.sort().join('\n') === wanted.sort().join('\n') || undefined
  })
})

test('with SYN cookies nothing is kept of the SYN, and the client is told all the same', async () => {
  await lab.run('lan', ['sysctl', '-q', '-w', 'net.ipv4.tcp_syncookies=2'])
  for (const { vip, client } of Object.values(FAMILIES))
    assert.equal(await ask('wan', vip, 31_010), `${client} 31010\n`)
  await lab.run('lan', ['sysctl', '-q', '-w', 'net.ipv4.tcp_syncookies=1'])
  assert.match(await lab.run('lan', ['nstat', '-asz', 'TcpExtSyncookiesRecv']), /Recv +2 /)
})

test('the ACK of a handshake is lost, and the next one tells', async () => {
  const lose = `table inet lose { chain input { type filter hook input priority 0
    tcp dport ${ASKS} tcp flags & (syn | ack) == ack numgen inc mod 2 == 0 counter drop; }; }`
  await lab.run('lan', ['nft', '-f', '-'], lose)
  for (const { vip, client } of Object.values(FAMILIES))
    assert.equal(await ask('wan', vip, 31_020), `${client} 31020\n`)
  assert.match(await lab.run('lan', ['nft', 'list', 'ruleset']), /counter packets [2-9]/)
})
