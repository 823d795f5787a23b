/** The native addon opens TAPs and moves threads between network namespaces. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import * as native from '../../src/io/native.ts'
import { close, ip, linkTarget, namespacePerTest, open, own, PATH, TAP } from '../kit/tap.ts'

const { QUEUE_MULTI, TAP_PERSIST } = native

const namespace = () => readlinkSync('/proc/thread-self/ns/net')
/** Descriptors of the kinds that the addon opens; those of child processes come and go at will. */
const openFds = () =>
  readdirSync('/proc/self/fd')
    .map(fd => linkTarget(`/proc/self/fd/${fd}`))
    .filter(target => /tun|net:\[|netns/.test(target)).length

namespacePerTest()

test('a TAP opened in a named namespace is there and not here', () => {
  open()
  assert.match(ip('-d', 'link', 'show', TAP), /tun type tap pi off vnet_hdr on persist off/)
  assert.notEqual(spawnSync('ip', ['link', 'show', TAP]).status, 0)
})

test("'' opens in the namespace of the thread, which enterNetns and leaveNetns move", () => {
  const home = namespace()
  const previous = native.enterNetns(PATH)
  assert.notEqual(namespace(), home)
  own(native.openTap(TAP, '', 0))
  native.leaveNetns(previous)
  assert.equal(namespace(), home)
  assert.match(ip('link', 'show', TAP), new RegExp(TAP))
})

test('two queues on one name', () => {
  const [first, second] = [open(QUEUE_MULTI), open(QUEUE_MULTI)]
  assert.notEqual(first, second)
  assert.match(ip('-d', 'link', 'show', TAP), /multi_queue numqueues 2/)
  close(first)
  assert.match(ip('-d', 'link', 'show', TAP), /numqueues 1/)
})

test('a persistent TAP keeps its address without us, until unpersistTap', () => {
  const first = open(TAP_PERSIST)
  ip('addr', 'add', '10.77.0.1/24', 'dev', TAP)
  close(first)
  assert.match(ip('addr', 'show', TAP), /10\.77\.0\.1\/24/)
  const second = open() // without TAP_PERSIST: re-attaching does not clear it
  close(second)
  assert.match(ip('addr', 'show', TAP), /10\.77\.0\.1\/24/)
  const third = open()
  native.unpersistTap(third)
  close(third)
  assert.doesNotMatch(ip('link'), new RegExp(TAP))
})

test('a failed open has a code, names step and device, leaves no fd and the thread at home', () => {
  const home = namespace()
  open()
  const fdsBefore = openFds()
  const fails = (name: string, netns: string, flags: number, code: string, message: string) =>
    assert.throws(() => native.openTap(name, netns, flags), { name: 'Error', code, message })
  fails(TAP, PATH, 0, 'EBUSY', `TUNSETIFF ${TAP} in ${PATH}: Device or resource busy`)
  fails(TAP, PATH, QUEUE_MULTI, 'EINVAL', `TUNSETIFF ${TAP} in ${PATH}: Invalid argument`)
  fails('lo', '', 0, 'EINVAL', 'TUNSETIFF lo: Invalid argument')
  const nowhere = `${PATH}-missing`
  const missing = `enter namespace for ${TAP} in ${nowhere}: No such file or directory`
  fails(TAP, nowhere, 0, 'ENOENT', missing)
  fails(
    TAP,
    '/proc/self/status',
    0,
    'EINVAL',
    `enter namespace for ${TAP} in /proc/self/status: Invalid argument`,
  )
  assert.throws(() => native.enterNetns(nowhere), { code: 'ENOENT' })
  assert.throws(() => native.leaveNetns(-1), { code: 'EBADF' })
  assert.equal(namespace(), home)
  assert.equal(openFds(), fdsBefore)
})
