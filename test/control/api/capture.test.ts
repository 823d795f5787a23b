import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { open } from '../../../src/client/exchange.ts'
import type { Captured } from '../../../src/see/captured.ts'
import { readCapture } from '../../../src/see/pcap.ts'
import { call } from '../../kit/api.ts'
import { offload, tcpFrame } from '../../kit/frame.ts'
import { CLIENT_MAC, type Stand } from '../../kit/stand.ts'
import { shown, watched } from '../../kit/watched.ts'

const SYN = (port: number) =>
  `202.108.10.2.${port} > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0`

/** SYNs of several clients, and one that is refused. */
function traffic(stand: Stand, ports: readonly number[]): void {
  for (const port of ports) stand.segment('dpdk0', SYN(port))
  stand.segment('dpdk0', SYN(9).replace('6379', '81'))
  shown(stand)
}

async function get(path: string, query: string): Promise<IncomingMessage> {
  return open({ socket: path }, { method: 'GET', path: query })
}

async function read(path: string, query: string): Promise<Captured> {
  const response = await get(path, query)
  assert.equal(response.statusCode, 200)
  assert.equal(response.headers['content-type'], 'application/x-pcapng')
  return readCapture(Buffer.concat(await response.toArray()))
}

test('what the ring holds is a whole file with both arms, and a comment beside each packet', async t => {
  const { path, stand } = await watched(t)
  traffic(stand, [4000, 4001])
  const { interfaces, packets, cut, application } = await read(
    path,
    '/v1/capture?past=true&follow=false',
  )
  assert.equal(cut, null)
  assert.match(application, /^tapvs \d/)
  assert.deepEqual(
    interfaces.map(({ name }) => name),
    ['dpdk0', 'dpdk1'],
  )
  assert.deepEqual(
    packets.map(({ comments: [note = ''], ...p }) => [
      interfaces[p.interface].name,
      note.split(' | ')[0],
      note.split(' | ').at(-1)?.slice(0, 30),
    ]),
    [
      ['dpdk0', 'pair 1 in from client', 'to dpdk1'],
      ['dpdk1', 'pair 1 out to rs', 'MACs rewritten, length 40 to 4'],
      ['dpdk0', 'pair 2 in from client', 'to dpdk1'],
      ['dpdk1', 'pair 2 out to rs', 'MACs rewritten, length 40 to 4'],
      ['dpdk0', 'pair 3 in', 'dropped: tcp_no_service, TCP t'],
    ],
  )
})

test('a filter takes both sides of the NAT, and count is an end', async t => {
  const { path, stand } = await watched(t)
  traffic(stand, [4000, 4001])
  const query = '/v1/capture?past=true&follow=false&filter='
  const one = await read(path, `${query}${encodeURIComponent('client 202.108.10.2:4001')}`)
  assert.equal(one.packets.length, 2)
  assert.deepEqual(
    one.packets.map(packet => packet.interface),
    [0, 1],
  )
  assert.equal((await read(path, `${query}drop`)).packets.length, 1)
  assert.equal((await read(path, '/v1/capture?past=true&count=3')).packets.length, 3)
  assert.equal((await read(path, '/v1/capture?past=true&seconds=1')).packets.length, 5)
  assert.ok(
    (await read(path, '/v1/capture?past=true&follow=false&snaplen=64')).packets.every(
      ({ bytes }) => bytes.length <= 64,
    ),
  )
})

test('the same words for moments', async t => {
  const { path, stand } = await watched(t)
  traffic(stand, [4000, 4001])
  const response = await get(path, '/v1/moments?filter=drop')
  const lines = Buffer.concat(await response.toArray())
    .toString()
    .trim()
    .split('\n')
  assert.deepEqual(
    lines.map(line => JSON.parse(line).verdict),
    [{ drop: 'tcp_no_service' }],
  )
})

test('a mistake in the filter is told, of both', async t => {
  const { path } = await watched(t)
  for (const what of ['capture', 'moments']) {
    assert.deepEqual(await call(path, 'GET', `/v1/${what}?filter=prot+80`), {
      status: 400,
      body: { error: "filter: 'prot' is no word of a filter; did you mean port?" },
    })
  }
})

test('it follows, and ends with a whole file when the daemon does', async t => {
  const { path, stand, watching, server } = await watched(t)
  traffic(stand, [4000])
  const response = await get(path, '/v1/capture')
  const whole = response.toArray()
  assert.equal(watching.status().followers, 1)
  traffic(stand, [4001])
  await new Promise(done => setTimeout(done, 100))
  await server.close()
  const { packets, cut } = readCapture(Buffer.concat(await whole))
  assert.equal(cut, null)
  assert.equal(packets.length, 3, 'what was before it is not in it')
  assert.equal(watching.status().followers, 0)
})

test('a reader that does not read is told what it missed, and nobody waits for it', async t => {
  const { path, stand } = await watched(t)
  const response = await get(path, '/v1/capture?snaplen=65535&seconds=1')
  const payload = new Uint8Array(60_000)
  const ends = { src: '202.108.10.2', dst: '202.108.10.1', sport: 4000, dport: 81 }
  const frame = tcpFrame({
    ...ends,
    flags: '.',
    seq: 1,
    payload,
    srcMac: CLIENT_MAC,
    dstMac: stand.macOf('dpdk0'),
  })
  const FRAMES = 300
  for (let i = 0; i < FRAMES; i++) {
    stand.inputRaw('dpdk0', offload(frame, 1448))
    if (i % 50 === 49) {
      shown(stand)
      await new Promise(done => setTimeout(done, 40))
    }
  }
  const whole = response.toArray()
  await new Promise(done => setTimeout(done, 100))
  traffic(stand, [4000])
  const { packets } = readCapture(Buffer.concat(await whole))
  const lost = packets.reduce((sum, packet) => sum + packet.lost, 0)
  assert.ok(lost > 0, 'it kept up')
  assert.equal(packets.length + lost, FRAMES + 3)
})
