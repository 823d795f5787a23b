/** Why a daemon was not reached: that none is there is another class than that it could not be asked. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, CliError, NoDaemon } from '../../../src/cli/daemon/client.ts'
import { serve } from '../../kit/api.ts'

test('nobody there, and somebody who refuses', async t => {
  const ping = (path: string) =>
    ask(path, { verb: 'ping' }).then(
      () => assert.fail(),
      (error: unknown) => error,
    )
  const nobody = await ping('/nowhere/tapvs.sock')
  assert.ok(nobody instanceof NoDaemon)
  assert.match(nobody.message, /^no daemon answers at \/nowhere\/tapvs\.sock \(start one with: /)
  const { path } = await serve(t, async () => ({ error: 'no daemon answers for others' }))
  const refused = await ping(path)
  assert.ok(refused instanceof CliError && !(refused instanceof NoDaemon))
})
