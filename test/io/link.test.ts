/** What the kernel says of links, asked for by the addon: against the kernel of this machine. */

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '../../netns/processes.ts'
import * as native from '../../src/io/native.ts'
import { close, ip, namespacePerTest, open, own, PATH, TAP } from '../kit/tap.ts'

namespacePerTest()

const { IFF_RUNNING, IFF_UP } = native

test('flags of a device: none, down, up, without a carrier', async () => {
  const socket = own(native.socketIn(PATH))
  assert.equal(native.linkFlags(socket, TAP), -1)
  const queue = open(native.QUEUE_MULTI | native.TAP_PERSIST)
  assert.equal(native.linkFlags(socket, TAP) & IFF_UP, 0)
  const flagsAre = (flags: number) =>
    until(`flags ${flags}`, { limitMs: 3000 }, () => {
      return (native.linkFlags(socket, TAP) & (IFF_UP | IFF_RUNNING)) === flags || undefined
    })
  ip('link', 'set', TAP, 'up')
  await flagsAre(IFF_UP | IFF_RUNNING)
  ip('link', 'set', TAP, 'carrier', 'off')
  await flagsAre(IFF_UP)
  ip('link', 'set', TAP, 'carrier', 'on')
  await flagsAre(IFF_UP | IFF_RUNNING)
  // Nobody is attached, so nobody would get what is sent.
  close(queue)
  await flagsAre(IFF_UP)
  ip('link', 'del', TAP)
  assert.equal(native.linkFlags(socket, TAP), -1)
})

test('a link as rtnetlink describes it, or that there is none', () => {
  assert.equal(native.askLink(PATH, TAP), null)
  open(native.QUEUE_MULTI)
  const message = Buffer.from(native.askLink(PATH, TAP) ?? [])
  assert.equal(message.readUInt32LE(0), message.length)
  assert.ok(message.includes(`${TAP}\0`))
  // The thread is back in its own namespace, which has no such device, and is asked without a path.
  assert.equal(native.askLink('', TAP), null)
  assert.ok(native.askLink('', 'lo'))
  assert.throws(() => native.askLink('/nowhere', TAP), { code: 'ENOENT' })
})

test('the namespace of a TAP', () => {
  const queue = open()
  assert.equal(native.netnsOfTap(process.pid, queue), statSync(PATH).ino)
  assert.throws(() => native.netnsOfTap(process.pid, 9999), { code: 'EBADF' })
  assert.throws(() => native.netnsOfTap(2 ** 30, 0), { code: 'ESRCH' })
})

test('wrong arguments', () => {
  const socket = own(native.socketIn(PATH))
  assert.throws(() => native.linkFlags(socket, 'x'.repeat(16)), TypeError)
  assert.throws(() => native.linkFlags(Number.NaN, TAP), TypeError)
  assert.throws(() => native.linkFlags(9999, TAP), { code: 'EBADF' })
  assert.throws(() => native.askLink(PATH, 'x'.repeat(16)), TypeError)
})
