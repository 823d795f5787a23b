import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openServer } from '../../../src/control/http/server.ts'
import { tokenCheck, tokenOf } from '../../../src/control/http/token.ts'
import { echo, socketPath } from '../../kit/api.ts'

const HTTP = { address: '127.0.0.1', port: 0, token: null }
const TOKEN = 'correct-horse-battery'

test('the token comes from the config or a file, and a file without one is said in a line', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-token-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const tokenFile = join(folder, 'token')
  assert.throws(() => tokenOf({ ...HTTP, tokenFile }, 'control.http'), {
    message: `control.http.token_file: ENOENT: no such file or directory, open '${tokenFile}'`,
  })
  for (const text of ['', 'short', 'a token with blanks in it', `${TOKEN}\n${TOKEN}`]) {
    writeFileSync(tokenFile, text)
    assert.throws(() => tokenOf({ ...HTTP, tokenFile }, 'control.http'), {
      message: `${tokenFile} holds no token of 16-256 characters without blanks`,
    })
  }
  // Nothing listens then, not even the socket.
  const path = socketPath(t)
  await assert.rejects(openServer(path, echo, { http: { ...HTTP, tokenFile } }), /holds no token/)
  assert.equal(existsSync(path), false)
  writeFileSync(tokenFile, `${TOKEN}\n`)
  assert.equal(tokenOf({ ...HTTP, tokenFile }, 'control.http'), TOKEN)
  assert.equal(tokenOf({ ...HTTP, tokenFile: null, token: TOKEN }, 'control.http'), TOKEN)
})

test('only the whole token in a bearer header holds', () => {
  const holds = tokenCheck(TOKEN)
  assert.ok(holds(`Bearer ${TOKEN}`))
  assert.ok(holds(`bearer  ${TOKEN} `))
  const wrong = ['', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN} x`, 'Bearer ']
  for (const header of [undefined, ...wrong]) assert.ok(!holds(header), header)
})
