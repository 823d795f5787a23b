/** What a service manager stores, and what of it is taken back. */

import assert from 'node:assert/strict'
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Holdings } from '../../../src/control/keeper/holdings.ts'
import { passedFds, restored, Store } from '../../../src/control/keeper/store.ts'
import { createMemory } from '../../../src/io/hold.ts'
import { duplicateFd } from '../../../src/io/native.ts'
import { serviceManager } from '../../kit/notify-socket.ts'

/** Nobody listens there, so nothing is stored by anybody. */
const NOBODY = '/nonexistent/notify'
const open = () => openSync('/dev/null', 'r')
const memory = () => createMemory('tapvs-test', 4096)
const isOpen = (fd: number) => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-store-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Copies of what is held, under the names that the manager has, and the index. */
function passedOf(holdings: Holdings, store: Store): Map<string, number> {
  const passed = new Map([['tapvs-index', duplicateFd(store.fd)]])
  for (const { serial, fds } of holdings.all.values())
    for (const [place, fd] of fds.entries()) passed.set(`tapvs-${serial}-${place}`, duplicateFd(fd))
  return passed
}

test('names are what systemd takes, and each descriptor has one of its own', async t => {
  const socket = join(folderFor(t), 'notify')
  const manager = await serviceManager(t, socket)
  const holdings = new Holdings(new Map(), new Store(socket))
  holdings.hold('arm "int0": /run/netns/x\u00e9', { fds: [open(), open()], about: { queues: 2 } })
  holdings.drop('arm "int0": /run/netns/x\u00e9')
  await manager.hears(/^FDNAME=tapvs-1-1$/, 12)
  const names = manager.heard().filter(line => line.startsWith('FDNAME='))
  assert.deepEqual(names.slice(0, 4), [
    'FDNAME=tapvs-index',
    'FDNAME=tapvs-1-0',
    'FDNAME=tapvs-1-1',
    'FDNAME=tapvs-1-0',
  ])
  for (const name of names) assert.match(name, /^FDNAME=[!-9;-~]{1,255}$/)
  const others = new Set(manager.heard().filter(line => !line.startsWith('FDNAME=')))
  assert.deepEqual([...others], ['FDSTORE=1', 'FDPOLL=0', 'FDSTOREREMOVE=1'])
})

test('what was held is held again: names, what is said of them, and a stop that was wanted', () => {
  const store = new Store(NOBODY)
  const holdings = new Holdings(new Map(), store)
  holdings.hold('arm', { fds: [open(), open()], about: { kind: 'tap' } })
  holdings.hold('state 1', { fds: [memory()], about: null })
  holdings.hold('gone', { fds: [open()], about: null })
  holdings.drop('gone')
  store.stopped(true)
  const back = restored(passedOf(holdings, store), NOBODY)
  assert.equal(back.problem, undefined)
  assert.equal(back.stopped, true)
  assert.deepEqual([...back.held.keys()], ['arm', 'state 1'])
  assert.deepEqual(back.held.get('arm')?.about, { kind: 'tap' })
  // Serials go on, so that no name is given twice.
  const next = new Holdings(back.held, back.store)
  next.hold('new', { fds: [open()], about: null })
  const serials = [...next.all.values()].map(({ serial }) => serial)
  assert.equal(new Set(serials).size, 3)
})

test('a name of which a descriptor is missing is forgotten as a whole, and so is what nobody knows', () => {
  const store = new Store(NOBODY)
  const holdings = new Holdings(new Map(), store)
  holdings.hold('half', { fds: [open(), open()], about: null })
  holdings.hold('whole', { fds: [open()], about: null })
  const passed = passedOf(holdings, store)
  closeSync(passed.get('tapvs-1-1') as number)
  passed.delete('tapvs-1-1')
  passed.set('tapvs-99-0', open())
  const back = restored(passed, NOBODY)
  assert.deepEqual([...back.held.keys()], ['whole'])
  for (const name of ['tapvs-1-0', 'tapvs-99-0'])
    assert.equal(isOpen(passed.get(name) as number), false)
})

test('without an index that can be read nothing is gone on with, in a line', () => {
  for (const index of [undefined, memory(), open()]) {
    const passed = new Map([['tapvs-1-0', open()]])
    if (index !== undefined) passed.set('tapvs-index', index)
    const back = restored(passed, NOBODY)
    assert.match(back.problem ?? '', /^what the service manager has stored is of no use \(.*\)$/)
    assert.equal(back.held.size, 0)
    // The new index may have the number of one of them.
    assert.ok([...passed.values()].every(fd => fd === back.store.fd || !isOpen(fd)))
  }
})

test('the same memory that is held once more stays what it is', () => {
  const holdings = new Holdings(new Map(), new Store(NOBODY))
  const fd = memory()
  holdings.hold('config', { fds: [fd], about: 1 })
  const [before] = holdings.all.values()
  const copy = duplicateFd(fd)
  holdings.hold('config', { fds: [copy], about: 2 })
  const [after] = holdings.all.values()
  assert.deepEqual([after?.serial, after?.about], [before?.serial, 2])
  assert.deepEqual([isOpen(fd), isOpen(copy)], [true, false])
  holdings.hold('config', { fds: [memory()], about: 3 })
  assert.notEqual([...holdings.all.values()][0]?.serial, before?.serial)
})

test('what is passed is for this process alone, and the variables go', () => {
  const given = (change: object) => ({
    LISTEN_PID: '77',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'not-ours',
    ...change,
  })
  for (const change of [
    { LISTEN_PID: '78' },
    { LISTEN_FDS: 'x' },
    { LISTEN_FDS: '99999' },
    { LISTEN_FDS: '2' },
    { LISTEN_FDNAMES: 'a:b' },
    { LISTEN_PID: undefined },
  ]) {
    const environment = given(change)
    assert.equal(passedFds(environment, 77).size, 0)
    assert.deepEqual(Object.keys(environment), [])
  }
})
