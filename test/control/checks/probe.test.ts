/** Each probe against the real thing on loopback, and against servers that misbehave. */

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { onPath, until } from '../../../netns/processes.ts'
import { type ConfigCheck, NO_CHECK } from '../../../src/config/check-keys.ts'
import { probe } from '../../../src/control/checks/probe.ts'
import { NO_RIGHTS, rightsIn } from '../../kit/rights.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-probe-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const CHECK: ConfigCheck = { ...NO_CHECK, type: 'tcp' }

function run(port: number, change: Partial<ConfigCheck>): Promise<string | undefined> {
  const address = '127.0.0.1'
  const target = { netns: '', address, port, rs: { address, port }, vip: { address, port: 1 } }
  return probe(target, { ...CHECK, ...change })
}

function listen(server: Server): Promise<number> {
  after(() => {
    server.close()
    if ('closeAllConnections' in server)
      (server as { closeAllConnections(): void }).closeAllConnections()
  })
  return new Promise(done => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}

/** A server that answers whatever comes first with `say`, or says nothing. */
function says(say: (socket: Socket) => void): Promise<number> {
  return listen(
    createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => say(socket))
    }),
  )
}

/** Starts a server program and waits until its port is open. */
async function program(argv: string[], port: number): Promise<void> {
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: 'ignore', cwd: folder })
  after(() => child.kill('SIGKILL'))
  await until(`${argv[0]}`, { limitMs: 8000, everyMs: 50 }, async () => {
    return (await run(port, {})) === undefined || undefined
  })
}

/** A port that is free for now. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>(done => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
  await new Promise(done => server.close(done))
  return port
}

test('tcp: an open port passes, a closed one is refused', async () => {
  const port = await says(() => {})
  assert.equal(await run(port, {}), undefined)
  assert.equal(await run(await freePort(), {}), 'connection refused')
})

test('redis-server: PING, AUTH, and what it says when it will not answer', async () => {
  const server = onPath('redis-server') ?? join(folder, 'redis-server')
  if (!onPath('redis-server')) symlinkSync(onPath('redis-check-rdb') ?? '', server)
  const options = ['--save', '', '--appendonly', 'no', '--dir', folder, '--bind', '127.0.0.1']
  const open = await freePort()
  const locked = await freePort()
  await program([server, '--port', `${open}`, ...options], open)
  await program([server, '--port', `${locked}`, '--requirepass', 'pass word', ...options], locked)
  assert.equal(await run(open, { type: 'redis' }), undefined)
  assert.equal(await run(locked, { type: 'redis', password: 'pass word' }), undefined)
  assert.match((await run(locked, { type: 'redis' })) ?? '', /^PING was answered with -NOAUTH /)
  const wrong = await run(locked, { type: 'redis', password: 'x' })
  assert.match(wrong ?? '', /^AUTH was answered with -(WRONGPASS|ERR) /)
})

test('redis: silence, an end and nonsense', async () => {
  const quick = { type: 'redis', timeout: 0.3 } as const
  const silent = await run(await says(() => {}), quick)
  assert.equal(silent, 'the answer to PING timed out after 0.3 s')
  const ended = await run(await says(socket => socket.end()), quick)
  assert.equal(ended, 'PING was answered by the end of the connection')
  const reset = await run(await says(socket => socket.resetAndDestroy()), quick)
  assert.equal(reset, 'connection reset')
  const flood = await says(socket => socket.write('x'.repeat(10_000)))
  assert.equal(await run(flood, quick), 'the answer is no redis protocol')
  const rude = await says(socket => socket.write('-ERR \u001b[31mred\n\n\u0000\r\n'))
  assert.equal(await run(rude, quick), 'PING was answered with -ERR [31mred')
})

test("http: Python's server, by status and by body", async () => {
  const port = await freePort()
  writeFileSync(join(folder, 'alive'), 'all is well\n')
  await program(['python3', '-m', 'http.server', '--bind', '127.0.0.1', `${port}`], port)
  assert.equal(await run(port, { type: 'http', path: '/alive' }), undefined)
  assert.equal(
    await run(port, { type: 'http', path: '/dead' }),
    'GET /dead was answered with status 404',
  )
  const missing = {
    type: 'http',
    path: '/dead',
    status: [
      [200, 299],
      [404, 404],
    ],
  } as const
  assert.equal(await run(port, { ...missing, status: [...missing.status] as never }), undefined)
  assert.equal(await run(port, { type: 'http', path: '/alive', expect: 'is well' }), undefined)
  assert.equal(
    await run(port, { type: 'http', path: '/alive', expect: 'is ill' }),
    'the answer to GET /alive does not hold "is ill"',
  )
})

test('http: the host header, a body without end, an answer that is none, and none at all', async () => {
  let head = ''
  const port = await listen(
    createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', (data: Buffer) => {
        head = data.toString()
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const more = setInterval(() => socket.write('x'.repeat(20_000)), 5)
        socket.on('close', () => clearInterval(more))
      })
    }),
  )
  assert.equal(await run(port, { type: 'http', host: 'www.example.org' }), undefined)
  assert.match(head, /^GET \/ HTTP\/1\.1\r\n(.*\r\n)*host: www\.example\.org\r\n/i)
  const endless = await run(port, { type: 'http', expect: 'y' })
  assert.equal(endless, 'the answer to GET / does not hold "y"')
  assert.match(head, new RegExp(`host: 127.0.0.1:${port}\r\n`, 'i'))
  const nonsense = await says(socket => socket.end('SSH-2.0-x\r\n'))
  assert.match((await run(nonsense, { type: 'http' })) ?? '', /^Parse Error/)
  const silent = await says(() => {})
  assert.equal(
    await run(silent, { type: 'http', timeout: 0.3 }),
    'the answer timed out after 0.3 s',
  )
})

test('https: any certificate, or only a good one', async () => {
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  // biome-ignore format: one option a line
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=rs'], { stdio: 'ignore' })
  let name: string | false | null = null
  const server = createHttps(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (request, answer) => {
      name = (request.socket as unknown as { servername: string | false }).servername
      answer.end('secret')
    },
  )
  const port = await listen(server)
  assert.equal(await run(port, { type: 'https', expect: 'secret', host: 'a.example' }), undefined)
  assert.equal(name, 'a.example')
  assert.match((await run(port, { type: 'https', verify: true })) ?? '', /self-signed certificate/)
  const silent = await says(() => {})
  assert.equal(
    await run(silent, { type: 'https', timeout: 0.3 }),
    'the TLS handshake timed out after 0.3 s',
  )
})

test('script: exit codes, words, environment, and an end for what takes too long', async () => {
  const script = (name: string, text: string) => {
    const file = join(folder, name)
    writeFileSync(file, `#!/bin/sh\n${text}\n`)
    chmodSync(file, 0o755)
    return file
  }
  const command = (...words: string[]) => run(99, { type: 'script', command: words, timeout: 1 })
  assert.equal(await command('/bin/true'), undefined)
  assert.equal(await command('/bin/false'), 'the script failed with exit code 1')
  const env = script('env', 'env > "$1"')
  assert.equal(await command(env, join(folder, 'env.txt')), undefined)
  const told = readFileSync(join(folder, 'env.txt'), 'utf8')
  for (const line of ['CHECK_ADDRESS=127.0.0.1', 'CHECK_PORT=99', 'RS_PORT=99', 'VIP=127.0.0.1']) {
    assert.ok(told.split('\n').includes(line), line)
  }
  assert.equal(
    await command(script('words', 'echo first; echo "disk is full" >&2; exit 3')),
    'the script failed with exit code 3: disk is full',
  )
  const pid = join(folder, 'pid')
  assert.equal(
    await command(script('slow', `sleep 60 & echo $! > ${pid}; wait`)),
    'the script timed out after 1 s',
  )
  const sleeper = Number(readFileSync(pid, 'utf8'))
  await until('its children to be gone', { limitMs: 2000 }, () => {
    try {
      process.kill(sleeper, 0)
      return readFileSync(`/proc/${sleeper}/stat`, 'utf8').includes(' Z ') || undefined
    } catch {
      return true
    }
  })
  assert.equal(
    await command('/no/such/script'),
    'the script failed with exit code 127: /no/such/script: No such file or directory',
  )
  const rights = join(folder, 'rights.txt')
  assert.equal(await command(script('rights', `cat /proc/self/status > ${rights}`)), undefined)
  // The tests run as root, so that it had some to lose.
  assert.deepEqual(rightsIn(readFileSync(rights, 'utf8')), NO_RIGHTS)
})
