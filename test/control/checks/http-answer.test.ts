/** Answers to an HTTP check: what curl 7.88 takes is taken, and what is no answer is not. */

import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { after, test } from 'node:test'
import { NO_CHECK } from '../../../src/config/check-keys.ts'
import { HttpAnswer } from '../../../src/control/checks/http-answer.ts'
import { probe } from '../../../src/control/checks/probe.ts'

/** => `STATUS BODY`, of an answer that comes in parts of so many bytes, or why it is none */
function read(text: string, size: number): string {
  let body = ''
  const answer = new HttpAnswer(part => {
    body += part.toString('latin1')
  })
  const bytes = Buffer.from(text, 'latin1')
  try {
    for (let i = 0; i < bytes.length; i += size) answer.push(bytes.subarray(i, i + size))
    if (!answer.done) answer.end()
  } catch (error) {
    return (error as Error).message
  }
  return `${answer.status} ${body}`
}

const CRLF = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const LENGTH = 'Content-Length: 2\r\n\r\nok'

const TAKEN: Record<string, string> = {
  'as RFC 9112 writes it': CRLF,
  'bare LF': CRLF.replaceAll('\r', ''),
  'LF and CRLF': 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\nok',
  'a folded header': `HTTP/1.1 200 OK\r\nX: a\r\n  b\r\n${LENGTH}`,
  'a folded header and bare LF': 'HTTP/1.1 200 OK\nContent-Length:\n\t2\n\nok',
  'HTTP/1.0, to its end': 'HTTP/1.0 200 OK\r\n\r\nok',
  'HTTP/1.0 in chunks': CHUNKED.replace('1.1', '1.0').concat('2\r\nok\r\n0\r\n\r\n'),
  'no reason': `HTTP/1.1 200\r\n${LENGTH}`,
  'lower case': `http/1.1 200 ok\r\ncontent-length: 2\r\n\r\nok`,
  'HTTP/2': `HTTP/2 200\r\n${LENGTH}`,
  'two blanks': `HTTP/1.1  200 OK\r\n${LENGTH}`,
  'a status without a blank': `HTTP/1.1 200OK\r\n${LENGTH}`,
  'empty lines before it': `\r\n\n${CRLF}`,
  '100 before it': `HTTP/1.1 100 Continue\r\n\r\n${CRLF}`,
  '103 before it': `HTTP/1.1 103 Early Hints\nLink: x\nContent-Length: 7\n\n${CRLF}`,
  'a blank before the colon': `HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok`,
  'no name': `HTTP/1.1 200 OK\r\n: x\r\n${LENGTH}`,
  'control characters': `HTTP/1.1 200 OK\r\nX: a\u0001b\r\n${LENGTH}`,
  'letters beyond ASCII': `HTTP/1.1 200 Gr\u00f6\u00dfe\r\nX: \u00fc\r\n${LENGTH}`,
  'a length twice': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${LENGTH}`,
  'a length and chunks': CHUNKED.replace('\r\n\r\n', '\r\nContent-Length: 9\r\n\r\n').concat(
    '2\r\nok\r\n0\r\n\r\n',
  ),
  chunks: `${CHUNKED}1\r\no\r\n1\r\nk\r\n0\r\n\r\n`,
  'chunks and bare LF': `${CHUNKED}1\r\no\r\n1\r\nk\r\n0\r\n\r\n`.replaceAll('\r', ''),
  'chunks with words and trailers': `${CHUNKED}2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n`,
  'a chunk with blanks': `${CHUNKED}2  \r\nok\r\n0\r\n\r\n`,
  'chunks without an end': `${CHUNKED}2\r\nok`,
  'more than its length': `${CRLF}more`,
  'less than its length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok',
  'many headers': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(3000)}${LENGTH}`,
  'long headers': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(90_000)}\r\n${LENGTH}`,
}

const OTHERS: [name: string, text: string, what: string | RegExp][] = [
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', '204 '],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', '304 '],
  ['101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', '101 '],
  ['a head that ends with the connection', 'HTTP/1.1 200 OK\r\n', '200 '],
  ['nothing', '', 'was answered by the end of the connection'],
  ['half a line', 'HTTP/1.1 200 OK', 'was answered by the end of the connection'],
  ['100 and nothing', 'HTTP/1.1 100 Go\r\n\r\n', 'was answered by the end of the connection'],
  ['HTTP/0.9', 'ok\r\n', 'Parse Error: expected HTTP/1.1 and a status, found ok'],
  ['SSH', 'SSH-2.0-x\r\n', 'Parse Error: expected HTTP/1.1 and a status, found SSH-2.0-x'],
  ['a version to come', 'HTTP/3 200 OK\r\n', /^Parse Error: expected HTTP/],
  ['a blank before it', ` ${CRLF}`, /^Parse Error: expected HTTP/],
  ['four digits', 'HTTP/1.1 2000 OK\r\n\r\n', /^Parse Error: expected HTTP/],
  ['two digits', 'HTTP/1.1 20 OK\r\n\r\n', /^Parse Error: expected HTTP/],
  [
    'a header that is none',
    'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
    'Parse Error: expected a header, found nonsense',
  ],
  ['a NUL', 'HTTP/1.1 200 OK\r\nX: \0\r\n\r\n', /^Parse Error: expected a header/],
  [
    'two lengths',
    `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${LENGTH}`,
    'Parse Error: expected one content-length',
  ],
  [
    'no number for a length',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok',
    'Parse Error: expected one content-length',
  ],
  ['a chunk without a size', `${CHUNKED}zz\r\nok`, 'Parse Error: a chunk without a size'],
  ['a chunk that is too long', `${CHUNKED}1\r\nok\r\n`, /^Parse Error: a chunk that is longer/],
  ['CR alone', CRLF.replaceAll('\n', ''), 'was answered by the end of the connection'],
  ['no end of headers', 'HTTP/1.1 200 OK\n'.padEnd(400_000, 'x: y\n'), /more than 307200 bytes/],
  ['no end of a header', 'HTTP/1.1 200 OK\nX: '.padEnd(400_000, 'x'), /more than 307200 bytes/],
  [
    'no end of a fold',
    `HTTP/1.1 200 OK\nContent-Length: 2\n${' 2\n'.repeat(2000)}`,
    'Parse Error: a long content-length',
  ],
]

test('what curl takes', () => {
  for (const [name, text] of Object.entries(TAKEN)) {
    for (const size of [1, 7, text.length]) assert.equal(read(text, size), '200 ok', name)
  }
})

test('what else may come, and what is no answer', () => {
  for (const [name, text, what] of OTHERS) {
    for (const size of [1, 7, text.length || 1]) {
      const is = read(text, size)
      if (typeof what === 'string') assert.equal(is, what, name)
      else assert.match(is, what, name)
    }
  }
})

test('a check asks for no more than it needs to know', async () => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    // The head, and a body that is none.
    socket.once('data', () => socket.write(`${CHUNKED.replaceAll('\r', '')}zz\nok`))
  })
  after(() => server.close())
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const rs = { address: '127.0.0.1', port }
  const run = (expect: string | null) =>
    probe({ netns: '', ...rs, rs, vip: rs }, { ...NO_CHECK, type: 'http', expect })
  assert.equal(await run(null), undefined)
  assert.equal(await run('ok'), 'Parse Error: a chunk without a size')
})
