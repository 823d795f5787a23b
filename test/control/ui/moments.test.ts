/** The stream of packets: the past first, then what happens, and an honest word on what is missing. */

import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Follower, FollowOptions } from '../../../src/control/recorder/watching.ts'
import { MomentStream } from '../../../src/control/ui/moments.ts'
import type { FrameIn, Moment } from '../../../src/see/moments/moment.ts'

const moment = (atUs: number, fill = 4): FrameIn => ({
  ...{ kind: 'in', atUs, worker: 1, pair: atUs, conn: null, arm: 'ext0', length: fill },
  ...{ bytes: new Uint8Array(fill).fill(0xab), gsoSize: 0, partial: false, direction: null },
  ...{ verdict: { done: true }, states: null, said: [] },
})
const moments = (from: number, count: number, fill?: number): Moment[] =>
  Array.from({ length: count }, (_, i) => moment(from + i, fill))

async function serve(
  t: TestContext,
  wanted: (moment: Moment) => boolean = () => true,
  periodMs?: number,
) {
  let follower: Follower = () => {}
  const seen = { options: undefined as FollowOptions | undefined, stopped: 0, closed: 0 }
  const watching = {
    follow(options: FollowOptions, tell: Follower) {
      seen.options = options
      follower = tell
      return () => {
        seen.stopped++
      }
    },
  }
  const server = createServer((_, response) => {
    const closed = () => {
      seen.closed++
    }
    new MomentStream(response, watching, { wanted, shown: one => one }, closed, periodMs)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const response = await new Promise<IncomingMessage>(done =>
    get({ port, host: '127.0.0.1', agent: false }, done),
  )
  response.on('error', () => {})
  t.after(() => response.destroy())
  return { response, tell: (...args: Parameters<Follower>) => follower(...args), seen }
}

/** Events as `[name, data]`, as they come. */
function eventsOf(response: IncomingMessage): [string, unknown][] {
  const events: [string, unknown][] = []
  let text = ''
  response.setEncoding('utf8').on('data', chunk => {
    text += chunk
    const whole = text.split('\n\n')
    text = whole.pop() ?? ''
    for (const event of whole) {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
      if (name) events.push([name, JSON.parse(data)])
    }
  })
  return events
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise(done => setTimeout(done, 10))
}

const times = (data: unknown) => (data as { at_us: number }[]).map(({ at_us }) => at_us)

test('the past comes in one piece, then what happens; bytes are hex; the filter is asked', async t => {
  const { response, tell, seen } = await serve(t, ({ atUs }) => atUs % 2 === 0)
  const events = eventsOf(response)
  assert.deepEqual(seen.options, { past: true })
  tell(moments(0, 256), 0)
  tell(moments(256, 256), 0)
  await until(() => events.length === 1)
  assert.deepEqual(
    times(events[0]?.[1]),
    Array.from({ length: 256 }, (_, i) => i * 2),
  )
  assert.match(JSON.stringify(events[0]), /"bytes":"abababab"/)
  tell(moments(1000, 2), 0)
  await until(() => events.length === 2)
  assert.deepEqual(times(events[1]?.[1]), [1000])
  response.destroy()
  await until(() => seen.closed === 1)
  assert.equal(seen.stopped, 1)
})

test('of a long past the newest is told; what was overwritten, and what is too much at once, is counted', async t => {
  const { response, tell } = await serve(t)
  const events = eventsOf(response)
  for (let from = 0; from < 5120; from += 256) tell(moments(from, 256), 0)
  await until(() => events.length === 1)
  assert.deepEqual([events[0]?.[0], times(events[0]?.[1]).length], ['moments', 2000])
  assert.equal(times(events[0]?.[1]).at(-1), 5119)
  tell(moments(6000, 700), 7)
  await until(() => events.length === 3)
  assert.deepEqual(events[1], ['lost', 207])
  assert.deepEqual(times(events[2]?.[1])[0], 6200)
})

test('who reads nothing is cut off', async t => {
  const { response, tell, seen } = await serve(t, () => true, 5)
  response.pause()
  // More than the kernel takes.
  for (let i = 0; seen.closed === 0; i++) {
    if (i < 200) tell(moments(i * 500, 500, 2000), 0)
    await new Promise(done => setTimeout(done, 5))
  }
  assert.equal(seen.stopped, 1)
})
