import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { LINK_UP } from '../../../src/api/link-state.ts'
import {
  type DaemonEvent,
  type Missed,
  TapvsClient,
  type TapvsError,
} from '../../../src/client/index.ts'
import { openServer } from '../../../src/control/http/server.ts'
import { Events } from '../../../src/control/model/events.ts'
import { respond } from '../../../src/control/respond.ts'
import { connect, echo, HEAD, PONG, ping, socketPath } from '../../kit/api.ts'
import { CONFIG, paperDaemon } from '../../kit/control.ts'

async function serve(t: TestContext) {
  const path = socketPath(t)
  const events = new Events()
  const server = await openServer(path, echo, { events })
  t.after(() => server.close())
  const client = new TapvsClient({ socket: path })
  t.after(() => client.close())
  return { path, events, server, client }
}

type Stream = AsyncGenerator<DaemonEvent | Missed>

async function take(stream: Stream, count: number): Promise<(DaemonEvent | Missed)[]> {
  const list: (DaemonEvent | Missed)[] = []
  while (list.length < count) {
    const { value, done } = await stream.next()
    if (done) break
    list.push(value)
  }
  return list
}

/** A stream that hears already: what is emitted now, it gets. */
async function listening(client: TapvsClient, events: Events): Promise<Stream> {
  const stream = client.events()
  const first = stream.next()
  const timer = setInterval(() => events.emit('log', { level: 'warn' }), 5)
  await first
  clearInterval(timer)
  return stream
}

const ARM_DOWN = { arm: 'ext0', ...LINK_UP, up: false, admin: 'gone', link: 'down' } as const
const LEVELS = ['debug', 'info', 'error'] as const

test('events come in their order, with an id and their time', async t => {
  const { client, events } = await serve(t)
  const stream = await listening(client, events)
  for (const level of LEVELS) events.emit('log', { level })
  events.emit('arm', ARM_DOWN)
  const list = (await take(stream, 4)) as DaemonEvent[]
  await stream.return(undefined)
  assert.deepEqual(
    list.map(({ event, data }) => [event, data]),
    [...LEVELS.map(level => ['log', { level }]), ['arm', ARM_DOWN]],
  )
  const numbers = list.map(({ id }) => Number(id.split('-')[1]))
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => (numbers[0] as number) + i),
  )
  assert.ok(Math.abs(Date.parse(list[0]?.time ?? '') - Date.now()) < 5000)
})

test('after a broken connection the missed events come first, or it is said that some are missing', async t => {
  const { client, events } = await serve(t)
  const stream = await listening(client, events)
  events.emit('log', { level: 'debug' })
  const [first] = (await take(stream, 1)) as DaemonEvent[]
  await stream.return(undefined)
  const after = first?.id as string
  for (const level of LEVELS) events.emit('log', { level })
  const again = client.events({ after })
  const list = (await take(again, 3)) as DaemonEvent[]
  await again.return(undefined)
  assert.deepEqual(
    list.map(({ data }) => data),
    LEVELS.map(level => ({ level })),
  )

  for (let i = 0; i < 300; i++) events.emit('log', { level: 'info' })
  for (const id of [after, 'x-1', `${after}9`, 'nonsense']) {
    const late = client.events({ after: id })
    assert.deepEqual(await take(late, 1), [{ event: 'missed' }], id)
    await late.return(undefined)
  }
})

test('a signal ends a stream quietly', async t => {
  const { client, events } = await serve(t)
  const abort = new AbortController()
  const stream = client.events({ signal: abort.signal })
  const timer = setInterval(() => events.emit('log', { level: 'info' }), 20)
  assert.equal((await stream.next()).done, false)
  clearInterval(timer)
  const rest = stream.next()
  abort.abort()
  for (let next = await rest; !next.done; next = await stream.next());
})

test('the end of the daemon ends the stream, behind the word that it stops', async t => {
  const { client, events, server } = await serve(t)
  const stream = await listening(client, events)
  await server.close()
  const list = await take(stream, 100)
  assert.equal(list.at(-1)?.event, 'stopping')
})

test('a client that does not read is cut off', async t => {
  const { path, events } = await serve(t)
  const deaf = await connect(t, path)
  deaf.write(`GET /v1/events HTTP/1.1\r\n${HEAD}\r\n`)
  await once(deaf, 'data')
  deaf.pause()
  const steps = ['x'.repeat(10_000)]
  for (let i = 0; i < 500; i++) {
    events.emit('config', { steps, warnings: [] })
    if (i % 50 === 0) await new Promise(done => setTimeout(done, 1))
  }
  assert.deepEqual(await ping(path), PONG)
  let got = 0
  deaf.on('data', chunk => {
    got += chunk.length
  })
  deaf.resume()
  await once(deaf, 'close')
  assert.ok(got < 2_000_000, `${got} bytes were kept for it`)
})

test('streams are at most 32, so that asking stays possible', async t => {
  const { client, events, path } = await serve(t)
  const streams = await Promise.all(Array.from({ length: 32 }, () => listening(client, events)))
  await assert.rejects(client.events().next(), {
    name: 'TapvsError',
    status: 503,
    message: 'more than 32 streams of events; close one',
  } satisfies Partial<TapvsError>)
  assert.deepEqual(await ping(path), PONG)
  for (const stream of streams) await stream.return(undefined)
})

test('of the log one module is told, or all with those that have a level of their own', async () => {
  const daemon = paperDaemon(CONFIG)
  const told: unknown[] = []
  daemon.events.emit = (name, data) => void told.push([name, data])
  const requests = [
    { level: 'warn' },
    { level: 'warn' },
    { level: 'debug', module: 'conn' },
    { level: 'info', modules: { arm: 'error' } },
  ] as const
  for (const args of requests) await respond({ verb: 'set-log', ...args }, daemon)
  // What changes nothing is no event.
  assert.deepEqual(
    told,
    requests.slice(1).map(args => ['log', args]),
  )
})
