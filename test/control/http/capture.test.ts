import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from '../../../src/client/exchange.ts'
import type { Captured } from '../../../src/see/capture/captured.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import { BLOCK } from '../../../src/see/capture/pcapng.ts'
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
      body: { error: "filter: 'prot' is no word of a filter; did you mean proto?" },
    })
  }
})

/** A stream that is read as it comes. */
class Reading {
  readonly #chunks: Buffer[] = []
  readonly closed: Promise<unknown>

  constructor(response: IncomingMessage) {
    response.on('data', chunk => this.#chunks.push(chunk))
    this.closed = once(response, 'close')
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async until(has: (captured: Captured) => boolean, everyMs = 20): Promise<Captured> {
    for (const end = performance.now() + 30_000; performance.now() < end; await sleep(everyMs)) {
      if (this.#chunks.length === 0) continue
      const captured = readCapture(this.bytes)
      if (has(captured)) return captured
    }
    throw new Error('it never came')
  }
}

test('it follows, and ends with a whole file when the daemon does', async t => {
  const { path, stand, watching, server } = await watched(t)
  traffic(stand, [4000])
  const reading = new Reading(await get(path, '/v1/capture'))
  assert.equal(watching.status().followers, 1)
  traffic(stand, [4001])
  // What was before it is not in it.
  await reading.until(({ packets }) => packets.length === 3)
  await server.close()
  await reading.closed
  const { bytes } = reading
  const { packets, cut } = readCapture(bytes)
  assert.deepEqual([packets.length, cut], [3, null])
  const last = bytes.length - bytes.readUInt32LE(bytes.length - 4)
  assert.equal(bytes.readUInt32LE(last), BLOCK.STATISTICS)
  assert.equal(watching.status().followers, 0)
})

test('a reader that does not read is told what it missed, and nobody waits for it', async t => {
  const { path, stand } = await watched(t)
  const response = await get(path, '/v1/capture?snaplen=65535')
  const payload = new Uint8Array(60_000)
  const ends = { src: '202.108.10.2', dst: '202.108.10.1', sport: 4000, dport: 81 }
  const macs = { srcMac: CLIENT_MAC, dstMac: stand.macOf('dpdk0') }
  const frame = tcpFrame({ ...ends, ...macs, flags: '.', seq: 1, payload })
  const FRAMES = 300
  for (let i = 0; i < FRAMES; i++) {
    stand.inputRaw('dpdk0', offload(frame, 1448))
    if (i % 50 !== 49) continue
    shown(stand)
    await sleep(40)
  }
  const reading = new Reading(response)
  const isLast = ({ comments: [note = ''], length }: Captured['packets'][0]) =>
    length < 100 && note.includes('tcp_no_service')
  let sent = FRAMES
  let had = -1
  const { packets } = await reading.until(({ packets }) => {
    const lost = packets.reduce((sum, packet) => sum + packet.lost, 0)
    if (packets.some(isLast) && packets.length + lost === sent) return true
    // While it still reads what was before, these would be missed too, and that is told with the packet behind them.
    if (packets.length === had) {
      traffic(stand, [4000])
      sent += 3
    }
    had = packets.length
    return false
  }, 200)
  response.destroy()
  const lost = packets.reduce((sum, packet) => sum + packet.lost, 0)
  assert.ok(lost > 0, 'it kept up')
})
