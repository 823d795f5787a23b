/** The stream of what is now: one look for all, none without viewers, and nobody waits for who does not read. */

import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { LiveInfo } from '../../../src/api/page.ts'
import { Live, livePartsOf } from '../../../src/control/ui/live.ts'

const TICK_MS = 10

/** `filler` is how long each moment is in words. */
async function serve(t: TestContext, filler = 0) {
  let looks = 0
  const look = () => ({ atMs: ++looks, filler: 'x'.repeat(filler) }) as unknown as LiveInfo
  const live = new Live(look)
  const timer = setInterval(() => live.tick(), TICK_MS)
  t.after(() => clearInterval(timer))
  let closed = 0
  const server = createServer((_, response) => live.add(response, new Set(), () => closed++))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const view = () =>
    new Promise<IncomingMessage>(done => get({ port, host: '127.0.0.1', agent: false }, done))
  return { looks: () => looks, closed: () => closed, view }
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise(done => setTimeout(done, TICK_MS))
}

/** `atMs` of the events that came, as they come. */
function moments(response: IncomingMessage): number[] {
  const seen: number[] = []
  let text = ''
  response.setEncoding('utf8').on('data', chunk => {
    text += chunk
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = /^event: live\ndata: (.*)$/.exec(event)?.[1]
      if (data) seen.push(JSON.parse(data).atMs)
    }
  })
  response.on('error', () => {})
  return seen
}

test('all viewers see the same moment, the first at once, and without any nothing is done', async t => {
  const { looks, closed, view } = await serve(t)
  assert.equal(looks(), 0)
  const [a, b] = [await view(), await view()]
  assert.equal(a.headers['content-type'], 'text/event-stream')
  const [seenByA, seenByB] = [moments(a), moments(b)]
  await until(() => seenByA.length > 4 && seenByB.length > 4)
  // One look each when they came; from then on they share.
  const common = seenByB.slice(1, 4)
  assert.deepEqual(
    seenByA.filter(at => common.includes(at)),
    common,
  )
  a.destroy()
  b.destroy()
  await until(() => closed() === 2)
  const before = looks()
  await new Promise(done => setTimeout(done, 5 * TICK_MS))
  assert.equal(looks(), before)
})

test('who reads nothing is cut off, and others see on', async t => {
  const { closed, view } = await serve(t, 1 << 18)
  const slow = await view()
  slow.on('error', () => {})
  slow.pause()
  const seen = moments(await view())
  await until(() => closed() === 1)
  const soFar = seen.length
  await until(() => seen.length > soFar + 2)
  assert.equal(closed(), 1)
})

test('parts are asked for by name; without a word all are told, and an unknown one is refused', () => {
  assert.deepEqual([...livePartsOf(null)], ['services', 'edges'])
  assert.deepEqual([...livePartsOf('')], [])
  assert.deepEqual([...livePartsOf('edges,edges')], ['edges'])
  assert.throws(() => livePartsOf('edges,secrets'), /^Error: parts: of services and edges, not sec/)
})
