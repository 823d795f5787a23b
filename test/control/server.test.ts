import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Answer } from '../../src/control/commands.ts'
import {
  type ControlServer,
  claimSocket,
  openServer,
  type Respond,
} from '../../src/control/server.ts'

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-server-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'run', 'tapvs.sock')
}

/** Says which request it got. */
const echo: Respond = async request => ({ ok: request as never })

async function serve(t: TestContext, respond: Respond = echo): Promise<string> {
  const path = socketPath(t)
  const server = await openServer(path, respond)
  t.after(() => server.close())
  return path
}

async function connect(t: TestContext, path: string): Promise<Socket> {
  const socket = createConnection(path)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket.setEncoding('utf8')
}

/** Sends `text`, ends its side, => the lines that came back */
async function exchange(t: TestContext, path: string, text: string): Promise<unknown[]> {
  const socket = await connect(t, path)
  socket.on('error', () => {})
  socket.end(text)
  let answers = ''
  socket.on('data', chunk => {
    answers += chunk
  })
  await once(socket, 'close')
  return answers
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

test('requests are answered in order, in however many pieces they come', async t => {
  const path = await serve(t)
  assert.deepEqual(
    await exchange(t, path, '{"verb":"ping"}\n\n{"verb":"conns","from":0,"limit":1000}\n'),
    [{ ok: { verb: 'ping' } }, { ok: { verb: 'conns', from: 0, limit: 1000 } }],
  )
  const socket = await connect(t, path)
  socket.write('{"verb":')
  socket.write('"log","level":"debug"}\n{"verb":"pi')
  assert.deepEqual(await once(socket, 'data'), ['{"ok":{"verb":"log","level":"debug"}}\n'])
  socket.write('ng"}\n')
  assert.deepEqual(await once(socket, 'data'), ['{"ok":{"verb":"ping"}}\n'])
})

test('the socket is 0600, whatever the umask, and its folder is made', async t => {
  const path = socketPath(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const server = await openServer(path, echo)
  t.after(() => server.close())
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o755)
  assert.equal(process.umask(), 0)
})

test('bad requests get an error line, and the conversation goes on', async t => {
  const path = await serve(t)
  const bad: Record<string, string> = {
    hello: 'a request is one line of JSON',
    '7': 'a request is an object with a verb',
    null: 'a request is an object with a verb',
    '{"verb":7}': 'a request is an object with a verb',
    '{"verb":"toString"}':
      'unknown verb "toString"; there are services, conns, addresses, neighbours, counters, numbers, routes, config, edit, apply, reload, zero, timeouts, log, ping',
    '{"verb":"conns","from":-1,"limit":5}': 'conns: from must be a whole number from 0 on',
    '{"verb":"conns","from":0,"limit":1001}': 'conns: limit must be a whole number 1-1000',
    '{"verb":"conns"}': 'conns: from must be a whole number from 0 on',
    '{"verb":"log","level":"loud"}': 'log: level must be error, warn, info, debug',
    '{"verb":"ping","twice":true}': 'ping: unknown argument "twice"',
  }
  const text = `${Object.keys(bad).join('\n')}\n{"verb":"ping"}\n`
  assert.deepEqual(await exchange(t, path, text), [
    ...Object.values(bad).map(error => ({ error })),
    { ok: { verb: 'ping' } },
  ])
})

test('what the daemon throws becomes an error line', async t => {
  const path = await serve(t, async () => {
    throw new Error('no packets today')
  })
  assert.deepEqual(await exchange(t, path, '{"verb":"ping"}\n'), [{ error: 'no packets today' }])
})

test('a line without end is cut off', async t => {
  const path = await serve(t)
  const error = 'a request is one line of at most 65536 bytes'
  assert.deepEqual(await exchange(t, path, 'x'.repeat(70_000)), [{ error }])
  assert.deepEqual(await exchange(t, path, `${'x'.repeat(65_537)}\n`), [{ error }])
})

test('the 65th connection is turned away, and its place is free again', async t => {
  const path = await serve(t)
  const sockets = await Promise.all(Array.from({ length: 64 }, () => connect(t, path)))
  // A round trip each, so that the server has taken them all.
  await Promise.all(
    sockets.map(socket => {
      socket.write('{"verb":"ping"}\n')
      return once(socket, 'data')
    }),
  )
  const error = 'more than 64 connections; try again later'
  assert.deepEqual(await exchange(t, path, ''), [{ error }])
  const last = sockets[0] as Socket
  last.end()
  await once(last, 'close')
  // The server forgets it one event later than we do.
  for (;;) {
    const [answer] = await exchange(t, path, '{"verb":"ping"}\n')
    if (!(answer as Answer & { error?: string }).error) break
  }
})

test('a client that goes away before its answer harms nobody', async t => {
  let answer: (answer: Answer) => void = () => {}
  let asked: () => void = () => {}
  const arrived = new Promise<void>(done => {
    asked = done
  })
  const path = await serve(t, request => {
    if (request.verb === 'ping') return echo(request)
    return new Promise(done => {
      answer = done
      asked()
    })
  })
  const rude = await connect(t, path)
  rude.write('{"verb":"services"}\n{"verb":"services"}\n')
  await arrived
  rude.destroy()
  answer({ ok: [] })
  assert.deepEqual(await exchange(t, path, '{"verb":"ping"}\n'), [{ ok: { verb: 'ping' } }])
})

test('a client that does not read holds up only itself', async t => {
  let asked = 0
  const answer = 'x'.repeat(1 << 20)
  const path = await serve(t, async request => {
    if (request.verb === 'ping') return echo(request)
    asked++
    return { ok: answer as never }
  })
  const slow = await connect(t, path)
  slow.pause()
  slow.write('{"verb":"services"}\n'.repeat(200))
  assert.deepEqual(await exchange(t, path, '{"verb":"ping"}\n'), [{ ok: { verb: 'ping' } }])
  assert.ok(asked < 200, `${asked} answers were made for a client that reads none`)
})

test('a socket that a dead daemon left is replaced, a live one is not', async t => {
  const path = socketPath(t)
  const first: ControlServer = await openServer(path, echo)
  await assert.rejects(openServer(path, echo), {
    message: `another daemon answers at ${path}; stop it or set control.socket`,
  })
  await first.close()
  assert.equal(existsSync(path), false)

  // A socket file without a listener: closing a server unlinks only the name it was bound to.
  const other = createServer().listen(`${path}.other`)
  await once(other, 'listening')
  linkSync(`${path}.other`, path)
  other.close()
  await once(other, 'close')
  assert.equal(existsSync(path), true)
  const second = await openServer(path, echo)
  t.after(() => second.close())
  assert.deepEqual(await exchange(t, path, '{"verb":"ping"}\n'), [{ ok: { verb: 'ping' } }])
})

test('a file that is no socket is left alone', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-server-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'precious')
  writeFileSync(path, 'data')
  await assert.rejects(claimSocket(path), {
    message: `${path} exists and is no socket; remove it or set control.socket`,
  })
  assert.equal(statSync(path).size, 4)
})
