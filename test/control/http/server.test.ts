import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answer } from '../../../src/api/commands.ts'
import { type ControlServer, claimSocket, openServer } from '../../../src/control/http/server.ts'
import {
  call,
  connect,
  echo,
  HEAD,
  PONG,
  ping,
  raw,
  serve,
  socketPath,
  TOKEN,
} from '../../kit/api.ts'

test('a request may come in pieces, and two at once are answered in order', async t => {
  const { path } = await serve(t)
  const socket = await connect(t, path)
  const text = `GET /v1/ping HTTP/1.1\r\n${HEAD}\r\nGET /v1/log HTTP/1.1\r\n${HEAD}\r\n`
  for (const piece of [text.slice(0, 9), text.slice(9, 60), text.slice(60)]) {
    socket.write(piece)
    await new Promise(done => setTimeout(done, 5))
  }
  let answers = ''
  socket.on('data', chunk => {
    answers += chunk
  })
  while (!answers.includes('"log"')) await once(socket, 'data')
  assert.match(answers, /"ping"[\s\S]*"log"/)
})

test('the socket is 0600, whatever the umask, and its folder is made', async t => {
  const path = socketPath(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const server = await openServer(path, echo)
  t.after(() => server.close())
  assert.equal(server.port, undefined)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o755)
  assert.equal(process.umask(), 0)
})

test('what is no HTTP is refused and cut off', async t => {
  const { path, port } = await serve(t)
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 197) & 0xff))
  for (const to of [path, port]) {
    for (const text of ['{"verb":"ping"}\n', noise, '\0', 'GET / HTTP/9.9\r\n\r\n']) {
      assert.match(await raw(t, to, text), /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*"that is no HTTP/)
    }
    const long = `GET /v1/ping HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`
    assert.match(await raw(t, to, long), /^HTTP\/1\.1 431 /)
  }
  assert.deepEqual(await ping(path), PONG)
})

test('64 at once are served, the 65th is turned away, and its place is free again', async t => {
  const { path, port } = await serve(t)
  const sockets = await Promise.all(Array.from({ length: 64 }, () => connect(t, path)))
  // A round trip each, so that the server has taken them all.
  await Promise.all(
    sockets.map(socket => {
      socket.write(`GET /v1/ping HTTP/1.1\r\n${HEAD}\r\n`)
      return once(socket, 'data')
    }),
  )
  const error = 'more than 64 connections; try again later'
  assert.deepEqual(await ping(path), { status: 503, body: { error } })
  assert.deepEqual(
    await call({ url: `http://127.0.0.1:${port}`, token: TOKEN }, 'GET', '/v1/ping'),
    PONG,
  )
  const last = sockets[0] as Socket
  last.end()
  await once(last, 'close')
  // The server forgets it one event later than we do.
  while ((await ping(path)).status === 503);
})

test('64 that come at once are served, none of them for another', async t => {
  const { path } = await serve(t)
  const all = await Promise.all(Array.from({ length: 64 }, () => ping(path)))
  assert.ok(all.every(({ status }) => status === 200))
})

test('slow clients lose their connection: without a request, in its head, in its body, between two', async t => {
  const limits = { headMs: 200, requestMs: 300, idleMs: 1500 }
  const { path, port } = await serve(t, echo, { limits })
  const body = `PUT /v1/log HTTP/1.1\r\n${HEAD}content-type: application/json\r\ncontent-length: 99\r\n\r\n{`
  const timedOut = /^HTTP\/1\.1 408 /
  const [silent, head, half, idle] = await Promise.all([
    raw(t, path, ''),
    raw(t, path, 'GET /v1/pi'),
    raw(t, port, body.replace(HEAD, `${HEAD}authorization: Bearer ${TOKEN}\r\n`)),
    raw(t, path, `GET /v1/ping HTTP/1.1\r\n${HEAD}\r\n`),
  ])
  assert.match(silent, /^$|408/)
  assert.match(head, timedOut)
  assert.match(half, timedOut)
  assert.match(idle, /^HTTP\/1\.1 200 /)
})

test('a client that goes away before its answer harms nobody', async t => {
  let answer: (answer: Answer) => void = () => {}
  let asked: () => void = () => {}
  const arrived = new Promise<void>(done => {
    asked = done
  })
  const { path } = await serve(t, request => {
    if (request.verb === 'ping') return echo(request)
    return new Promise(done => {
      answer = done
      asked()
    })
  })
  const rude = await connect(t, path)
  rude.write(`GET /v1/services HTTP/1.1\r\n${HEAD}\r\n`.repeat(2))
  await arrived
  rude.destroy()
  answer({ ok: [] })
  assert.deepEqual(await ping(path), PONG)
})

test('a client that does not read holds up only itself', async t => {
  let asked = 0
  const answer = 'x'.repeat(1 << 20)
  const { path } = await serve(t, async request => {
    if (request.verb === 'ping') return echo(request)
    asked++
    return { ok: answer as never }
  })
  const slow = await connect(t, path)
  slow.pause()
  slow.write(`GET /v1/services HTTP/1.1\r\n${HEAD}\r\n`.repeat(400))
  assert.deepEqual(await ping(path), PONG)
  await new Promise(done => setTimeout(done, 200))
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
  assert.deepEqual(await ping(path), PONG)
})

test('a port that is taken is said in a line, and nothing is left behind', async t => {
  const path = socketPath(t)
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  await assert.rejects(
    openServer(path, echo, { http: { address: '127.0.0.1', port, token: TOKEN, tokenFile: null } }),
    {
      message: `127.0.0.1:${port} is in use; set control.http.port`,
    },
  )
  assert.equal(existsSync(path), false)
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
