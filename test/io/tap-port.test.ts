/** What the port of a TAP reads, from a file in place of the device: it takes whatever can be read. */

import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { TapPort } from '../../src/io/tap-port.ts'
import { Stand } from '../kit/stand.ts'

test('the largest packet fits with a tag, and what is larger is seen to be', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-port-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const tagged = 10 + 14 + 4 + 65_535
  for (const [bytes, read] of [
    [tagged, tagged],
    [tagged + 100, tagged + 1],
  ]) {
    const file = join(folder, 'frame')
    writeFileSync(file, new Uint8Array(bytes))
    const { arms, frames, counters } = new Stand().engine
    const port = new TapPort(arms[0], { impair: null, ring: null }, frames, counters)
    const fd = openSync(file, 'r')
    port.take(fd, true)
    t.after(() => closeSync(fd))
    assert.ok(port.read() > 0)
    assert.equal(frames.length[port.slots[0]], read)
  }
})
