/** How readers of packets are waited for. */

import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  COPIES_MAX,
  PacketStreams,
  STREAMS_MAX,
  writeAll,
} from '../../../src/control/http/packets.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'

/** More than the kernel takes, so that each batch is waited for. */
const BATCH = Buffer.alloc(4 << 20)
const BATCHES = 20

/** Both ends of an answer. */
async function answer(t: TestContext): Promise<[ServerResponse, IncomingMessage]> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const asked = new Promise<ServerResponse>(done => server.once('request', (_, r) => done(r)))
  const { port } = server.address() as AddressInfo
  const answered = new Promise<IncomingMessage>(done =>
    get({ port, host: '127.0.0.1', agent: false }, done),
  )
  const response = await asked
  response.flushHeaders()
  return [response, await answered]
}

test('a reader that is waited for again and again leaves no listeners behind', async t => {
  const [response, reader] = await answer(t)
  const listeners = () => response.listenerCount('drain') + response.listenerCount('close')
  const before = listeners()
  const counts: number[] = []
  const write = () => {
    counts.push(listeners())
    response.write(BATCH)
  }
  reader.resume()
  const batches = Array.from({ length: BATCHES }, (): Moment[] => [])
  assert.equal(await writeAll(response, batches, write), true)
  assert.deepEqual(counts, Array(BATCHES).fill(before))
  response.end()
})

test('a reader that goes is not waited for', async t => {
  const [response, reader] = await answer(t)
  reader.on('error', () => {})
  let writes = 0
  const whole = writeAll(response, Array(3).fill([]), () => {
    writes++
    response.write(BATCH)
    reader.destroy()
  })
  assert.equal(await whole, false)
  assert.equal(writes, 1)
})

test('streams are bounded, those of the past more so, and a place is free when one has ended', async t => {
  const streams = new PacketStreams()
  const PAST = { past: true, follow: false }
  const LIVE = { past: true, follow: true }
  const open = []
  for (let i = 0; i < COPIES_MAX; i++) {
    const [response] = await answer(t)
    streams.add(response, PAST, () => response.end())
    open.push(response)
  }
  const [one] = await answer(t)
  assert.throws(() => streams.add(one, PAST, () => {}), {
    status: 503,
    message: 'more than 4 readers of the past; try again later',
  })
  for (let i = COPIES_MAX; i < STREAMS_MAX; i++) {
    const [response] = await answer(t)
    streams.add(response, LIVE, () => response.end())
  }
  assert.throws(() => streams.add(one, LIVE, () => {}), {
    status: 503,
    message: 'more than 8 streams of packets; close one',
  })
  const [first] = open
  const gone = new Promise(done => first?.once('close', done))
  first?.destroy()
  await gone
  streams.add(one, PAST, () => one.end())
})
