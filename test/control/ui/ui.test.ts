/** The page's server: who gets in, what is handed out, and that it changes and betrays nothing. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { open } from '../../../src/client/exchange.ts'
import { OPERATIONS } from '../../../src/control/http/operations.ts'
import type { Watching } from '../../../src/control/recorder/watching.ts'
import { NOT_BUILT, pageFiles } from '../../../src/control/ui/files.ts'
import type { FrameIn } from '../../../src/see/moments/moment.ts'
import { TOKEN } from '../../kit/api.ts'
import { tcpFrame } from '../../kit/frame.ts'
import { get, serveUi } from '../../kit/ui.ts'

const STRANGER = { authorization: undefined }

/** What is asked for by the page, and not part of it. */
const ASKED = [
  '/v1/ping',
  '/v1/numbers',
  '/v2/vs',
  '/metrics',
  '/ui/live',
  '/ui/series',
  '/ui/conns',
]

test('the token stands behind the # of the address, which no browser sends; there is no cookie', async t => {
  const { port, ui } = await serveUi(t)
  assert.equal(ui.url(port), `http://127.0.0.1:${port}/#token=${TOKEN}`)
  for (const path of ['/', '/assets/a-1.js']) {
    const { status, headers } = await get(port, path, STRANGER)
    assert.deepEqual([status, headers['set-cookie']], [200, undefined], path)
  }
  for (const path of ['/v1/ping', '/ui/series', '/ui/conns']) {
    const { status, headers } = await get(port, path)
    assert.deepEqual([status, headers['set-cookie']], [200, undefined], path)
  }
  // In an address it would stand in logs and histories.
  assert.equal((await get(port, `/v1/ping?token=${TOKEN}`, STRANGER)).status, 401)
})

test('without the token, or with a wrong one, nothing is told but the files of the page', async t => {
  const { port, control } = await serveUi(t)
  const wrong = [
    STRANGER,
    { authorization: 'Bearer wrong-horse-battery' },
    { ...STRANGER, cookie: `tapvs=${TOKEN}` },
  ]
  for (const headers of wrong) {
    for (const path of ASKED) {
      const { status, body, headers: said } = await get(port, path, headers)
      assert.equal(status, 401, path)
      assert.equal(body, 'the address needs its token; tapvs ui prints it\n')
      assert.equal(said.connection, 'close')
    }
  }
  assert.deepEqual(control.asked, [])
})

test('only this machine by its name, and only the page itself', async t => {
  const { port } = await serveUi(t)
  const status = async (headers: Record<string, string>, path = '/v1/ping') =>
    (await get(port, path, headers)).status
  for (const host of ['evil.example', 'evil.example:9080', '127.0.0.1.evil.example', '10.0.0.1'])
    assert.equal(await status({ host }, '/'), 403, host)
  for (const host of ['localhost', 'localhost:1234', '127.0.0.1:9080', '[::1]:9080'])
    assert.equal(await status({ host }), 200, host)
  const host = 'localhost:9080'
  assert.equal(await status({ host, origin: 'http://localhost:9080' }), 200)
  assert.equal(await status({ host, origin: 'http://localhost:3000' }), 403)
  assert.equal(await status({ host, origin: 'null' }), 403)
  assert.equal(await status({ 'sec-fetch-site': 'same-origin' }), 200)
  assert.equal(await status({ 'sec-fetch-site': 'same-site' }), 403)
  assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
  assert.equal(
    await status({ 'sec-fetch-site': 'cross-site' }, '/'),
    200,
    'a link leads to the page',
  )
})

test('nothing can be changed', async t => {
  const { port, control } = await serveUi(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const { status } = await get(port, '/v1/services', {}, method)
    assert.equal(status, 405, method)
  }
  for (const { method, path } of OPERATIONS) {
    if (method === 'GET') continue
    assert.equal((await get(port, path, {}, method)).status, 405, path)
  }
  assert.deepEqual(control.asked, [])
})

test('no secret of the config comes out, whatever is asked for', async t => {
  const { port, control } = await serveUi(t)
  const secret = 'a-secret-of-the-config'
  control.model.config.file.control.http = { address: '127.0.0.1', port: 1, token: secret }
  const paths = OPERATIONS.filter(({ method }) => method === 'GET').map(({ path }) => path)
  assert.ok(paths.includes('/v1/config'))
  const tricks = ['/v1/%63onfig', '/v1/./config', '/v1//config', '/v1/x/../config', '/v1\\config']
  for (const path of [...paths, ...tricks, '/v1/config/', '/v1/config?x', '/v1/openapi.json']) {
    const { body } = await get(port, path.replaceAll(/:\w+/g, '1'))
    assert.ok(!body.includes(secret), path)
    assert.ok(!body.includes(TOKEN), path)
  }
  assert.ok(!control.asked.some(({ verb }) => verb === 'config' || verb === 'ui'))
  // Nor the key of the sequence numbers.
  const [config, journal] = await Promise.all(
    ['config', 'journal'].map(async name => get(port, `/v1/${name}`)),
  )
  assert.deepEqual(
    [journal?.status, journal?.body],
    [404, config?.body.replace('config', 'journal')],
  )
})

const PAYLOAD = 'secret-payload'
const MAC = '52:54:00:00:00:02'
const SEGMENT = {
  ...{ src: '202.108.10.2', dst: '202.108.10.1', sport: 4000, dport: 6379 },
  ...{ flags: 'P.', seq: 1, ack: 1, srcMac: MAC, dstMac: MAC },
}
const CARRIER: Omit<FrameIn, 'bytes' | 'length'> = {
  ...{ kind: 'in', atUs: 1, worker: 1, pair: 1, conn: null, arm: 'ext0', gsoSize: 0 },
  ...{ partial: false, direction: null, verdict: { done: true }, states: null, said: [] },
}

/** Frames that carry PAYLOAD, by their kind. */
function carriers(): FrameIn[] {
  const payload = Buffer.from(PAYLOAD)
  const tcp = tcpFrame({ ...SEGMENT, payload })
  const fragment = Uint8Array.from(tcp)
  fragment[20] = 1
  const udp = Uint8Array.from(tcp)
  udp[23] = 17
  const other = Uint8Array.from(tcp)
  other[12] = 0x99
  return [tcp, fragment, udp, other].map(bytes => ({ ...CARRIER, bytes, length: bytes.length }))
}

test('the page’s token shows headers and no payload, unless its scope is full', async t => {
  for (const scope of ['view', 'full'] as const) {
    const follow: Watching['follow'] = (_, tell) => {
      tell(carriers(), 0)
      return () => {}
    }
    const { port } = await serveUi(t, { config: { scope }, follow })
    for (const path of ['/v1/capture', '/v1/moments', '/v1/drops', '/v1/capture?snaplen=65535']) {
      const { status, body } = await get(port, path)
      if (scope === 'full') assert.notEqual(status, 403, path)
      else
        assert.deepEqual(
          [status, body],
          [403, '{"error":"this token shows no payload; control.ui.scope: full does"}'],
        )
    }
    const response = await open(
      { url: `http://127.0.0.1:${port}`, token: TOKEN },
      { method: 'GET', path: '/ui/moments?filter=' },
    )
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk
      if (text.includes('event: moments') && text.endsWith('\n\n')) break
    }
    const moments = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as { bytes: string }[]
    const shown = moments.map(({ bytes }) => Buffer.from(bytes, 'hex').toString('latin1'))
    assert.deepEqual(
      shown.map(bytes => bytes.includes(PAYLOAD)),
      Array(4).fill(scope === 'full'),
    )
    // To the last byte of a header, and not one further.
    if (scope === 'view')
      assert.deepEqual(
        shown.map(({ length }) => length),
        [14 + 20 + 20, 14 + 20, 14 + 20 + 8, 14],
      )
  }
})

test('every answer says what a browser may do with it', async t => {
  const { port } = await serveUi(t)
  for (const path of ['/', '/assets/a-1.js', '/v1/ping', '/ui/series', '/nothing']) {
    const { headers } = await get(port, path)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'none'; script-src 'self';/, path)
    assert.ok(!policy.includes('unsafe'), path)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    const cache = path.startsWith('/assets/') ? 'public, immutable' : 'no-store'
    assert.equal(headers['cache-control'], cache, path)
  }
})

test('what is not there, what is no path and what is asked wrongly are told in a line', async t => {
  const { port } = await serveUi(t)
  const said = async (path: string) => {
    const { status, body } = await get(port, path)
    return `${status} ${body}`
  }
  assert.equal(await said('/nothing'), '404 there is no /nothing\n')
  assert.equal(await said('/assets/../package.json'), '400 that is no plain path\n')
  assert.equal(await said('http://[x'), '400 that is no plain path\n')
  assert.match(await said('/ui/conns?rs=x'), /^400 \{"error":"query\.rs: expected an address/)
  assert.match(await said('/ui/conns?limit=9999'), /^400 .*a whole number 1-1000/)
  assert.match(await said('/ui/moments?filter=hots'), /^400 .*"filter: /)
  assert.match(await said('/v1/nothing'), /^404 .*openapi/)
})

test('the files of the page: types, compression, and names that may be kept', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-ui-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'assets'))
  const page = `<html>${'x'.repeat(500)}`
  writeFileSync(join(folder, 'index.html'), page)
  writeFileSync(join(folder, 'assets', 'main-abc.css'), 'b{}')
  const files = pageFiles(folder)
  assert.deepEqual([...files.keys()].sort(), ['/', '/assets/main-abc.css', '/index.html'])
  assert.match(files.get('/assets/main-abc.css')?.cache ?? '', /immutable/)
  assert.equal(gunzipSync(files.get('/')?.gzip as Buffer).toString(), page)
  const { port } = await serveUi(t, { files })
  const plain = await get(port, '/')
  assert.equal(plain.body, page)
  assert.equal(plain.headers['content-type'], 'text/html; charset=utf-8')
  const short = await get(port, '/', { 'accept-encoding': 'br, gzip' })
  assert.equal(short.headers['content-encoding'], 'gzip')
  assert.ok(Number(short.headers['content-length']) < 100)
})

test('a page that is not built says how; the API is there all the same', async t => {
  const { port } = await serveUi(t, { files: pageFiles('/nonexistent') })
  const { status, body } = await get(port, '/')
  assert.equal(`${status} ${body}`, `503 ${NOT_BUILT}\n`)
  assert.equal((await get(port, '/v1/ping')).status, 200)
})

test('a token that is not in the config is another one at each start', async t => {
  const own = { config: { token: null } }
  const [a, b] = [await serveUi(t, own), await serveUi(t, own)]
  const tokenOf = (url: string) => new URL(url).hash.slice('#token='.length)
  assert.match(tokenOf(a.ui.url(1)), /^[\w-]{24}$/)
  assert.notEqual(tokenOf(a.ui.url(1)), tokenOf(b.ui.url(1)))
})
