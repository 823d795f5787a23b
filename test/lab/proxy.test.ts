/**
 * The PROXY protocol with real servers that read it: nginx (`listen ... proxy_protocol`) and HAProxy (`accept-proxy`), v1 and v2, over arms
 * that lose frames; a connection that is kept, beside one without; and examples/toa, which reads TOA on a stock kernel.
 */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CHECKOUT } from '../../netns/topology.ts'
import type { CountersInfo } from '../../src/api/commands.ts'
import { SmallLab } from '../kit/small-lab.ts'

const lab = new SmallLab('proxy')
const VIP = '198.51.100.1'
const CLIENT = '203.0.113.5'
const RS = '10.20.0.11'
const LIP = '10.20.0.7'
/** By port of the VIP: the mode, and the port of the real server. */
const SERVICES = { 8001: ['v1', 80], 8002: ['v2', 80], 8011: ['v1', 81], 8012: ['v2', 81] } as const
const PLAIN = 8080
const SAVED_SYN = 8090

const NGINX = (folder: string) => `
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { }
http {
  access_log off; client_max_body_size 2m; keepalive_requests 100000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server { listen ${RS}:80 proxy_protocol; location / {
    return 200 "$proxy_protocol_addr:$proxy_protocol_port > $proxy_protocol_server_addr:$proxy_protocol_server_port by $remote_addr\\n"; } }
  server { listen ${RS}:82; location / { return 200 "by $remote_addr\\n"; } }
}
`
const HAPROXY = `
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend front
  bind ${RS}:81 accept-proxy
  option http-buffer-request
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] > %[dst]:%[dst_port] by haproxy\\n"
`

function config(wan: string, lan: string, loss: string): string {
  const services = Object.entries(SERVICES).map(
    ([port, [mode, rport]]) => `
  - { address: ${VIP}, port: ${port}, proxy_protocol: ${mode}, real_servers: [{ address: ${RS}, port: ${rport} }] }`,
  )
  return `
arms:
  - { name: ext0, netns: ${wan}, addresses: [${VIP}/32], routes: [{ to: 203.0.113.0/24 }], impair: { loss: ${loss}, reorder: ${loss}, seed: 11 } }
  - { name: int0, netns: ${lan}, addresses: [10.20.0.3/24], local_addresses: [${LIP}], impair: { loss: ${loss}, reorder: ${loss}, seed: 12 } }
services:${services.join('')}
  - { address: ${VIP}, port: ${PLAIN}, real_servers: [{ address: ${RS}, port: 82 }] }
  - { address: ${VIP}, port: ${SAVED_SYN}, real_servers: [{ address: ${RS}, port: 83 }] }
tcp: { toa: seed }
`
}

let spaces: [string, string]
let first: ChildProcess

before(async () => {
  const [wan, lan] = [await lab.netns('wan'), await lab.netns('lan')]
  spaces = [wan, lan]
  await lab.tap('wan', 'ext0', `${CLIENT}/24`)
  await lab.run('wan', ['ip', 'route', 'add', `${VIP}/32`, 'dev', 'ext0'])
  await lab.tap('lan', 'int0', `${RS}/24`)
  const folder = join(lab.folder, 'nginx')
  mkdirSync(folder, { mode: 0o755 })
  writeFileSync(join(folder, 'nginx.conf'), NGINX(folder))
  writeFileSync(join(folder, 'haproxy.cfg'), HAPROXY)
  await lab.start('lan', ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')])
  await lab.start('lan', ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')])
  const reader = join(CHECKOUT, 'examples/toa/saved-syn.py')
  await lab.start('lan', [reader, RS, '83', LIP], /^listening$/m)
  first = await lab.daemon(config(wan, lan, '0%'))
  await sleep(500)
})

const counters = async () => JSON.parse(await lab.tapvs('counters', '--json')) as CountersInfo
const curl = (...argv: string[]) =>
  lab.run('wan', ['curl', '-sS', '--max-time', '25', '--retry', '2', ...argv])

test('a connection that is kept takes as long as one without a header', async t => {
  const path = (port: number) => `http://${VIP}:${port}/[1-2000]`
  const timed = async (port: number) => {
    const begin = performance.now()
    const said = await curl('-o', '/dev/null', '-w', '%{num_connects} ', path(port))
    const connects = said
      .trim()
      .split(' ')
      .reduce((sum, count) => sum + Number(count), 0)
    assert.equal(connects, 1)
    return performance.now() - begin
  }
  const plain = Math.min(await timed(PLAIN), await timed(PLAIN))
  t.diagnostic(`2000 requests over one connection without a header: ${plain.toFixed(0)} ms`)
  for (const port of [8001, 8002]) {
    const ms = Math.min(await timed(port), await timed(port))
    assert.ok(ms < 2 * plain, `${ms} and ${plain} ms`)
    t.diagnostic(`2000 requests over one connection to port ${port}: ${ms.toFixed(0)} ms`)
  }
})

test('TOA in the SYN is read without a kernel module (examples/toa)', async () => {
  for (const sport of [31_001, 31_002, 31_003]) {
    const ends = `TCP:${VIP}:${SAVED_SYN},sourceport=${sport},reuseaddr,connect-timeout=9`
    assert.equal(await lab.run('wan', ['socat', '-u', ends, '-']), `${CLIENT} ${sport}\n`)
  }
  // Who is no LIP is himself, whatever his SYN says.
  const said = await lab.run('lan', ['socat', '-u', `TCP:${RS}:83,sourceport=31004`, '-'])
  assert.equal(said, `${RS} 31004\n`)
})

test('a daemon with arms that lose frames takes its place', async () => {
  first.kill('SIGTERM')
  await once(first, 'exit')
  await lab.daemon(config(...spaces, '3%'))
})

for (const [port, [mode, rport]] of Object.entries(SERVICES)) {
  const server = rport === 80 ? 'nginx' : 'HAProxy'
  test(`${server} knows the client by ${mode}, whatever is lost`, async () => {
    const by = rport === 80 ? LIP : 'haproxy'
    for (let i = 0; i < 25; i++) {
      const sport = 20_000 + Number(port) + i * 7
      const said = await curl('--local-port', String(sport), `http://${VIP}:${port}/`)
      assert.equal(said, `${CLIENT}:${sport} > ${VIP}:${port} by ${by}\n`)
    }
  })

  test(`${server}: a request of many segments, ${mode}`, async () => {
    const file = join(lab.folder, `cookies-${port}`)
    writeFileSync(file, 'x'.repeat(200_000))
    const cookie = `Cookie: a=${'y'.repeat(3000)}`
    for (let i = 0; i < 5; i++) {
      const said = await curl('-H', cookie, `http://${VIP}:${port}/`)
      assert.match(said, new RegExp(`^${CLIENT}:\\d+ > ${VIP}:${port} by `))
    }
  })
}

test('the counters say what was done', async () => {
  const { events, drops } = await counters()
  const { proxy_added: added = 0, toa_added: toa = 0 } = events
  assert.ok(added >= 120 && (drops.impaired ?? 0) > 0, JSON.stringify({ added, drops }))
  assert.equal(toa, 0)
})
