/** Completion: the words at each place, and the scripts in a real bash. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../../netns/processes.ts'
import { TAPVS } from '../../../netns/topology.ts'
import { complete } from '../../../src/cli/completion/completion.ts'
import { askDaemon } from '../../../src/cli/completion/words.ts'
import type { Desk } from '../../../src/cli/daemon/desk.ts'
import { verbTree } from '../../../src/cli/grammar/verb-tree.ts'
import { loadVerbs } from '../../../src/cli/verbs/all.ts'
import { completion } from '../../../src/cli/verbs/completion.ts'
import { ipvsadm } from '../../../src/cli/verbs/ipvsadm.ts'
import { PaperDaemon } from '../paper-daemon.ts'

const addVerbs = await loadVerbs()
const TREE = verbTree(addVerbs)

async function seed(): Promise<PaperDaemon> {
  const daemon = new PaperDaemon()
  for (const line of [
    '-A -t 202.108.10.1:6379',
    '-a -t 202.108.10.1:6379 -r 192.168.168.2',
    '-A -t 202.108.10.1:80',
    '-a -t 202.108.10.1:80 -r 192.168.168.8',
  ])
    await ipvsadm(line.split(' '), daemon.open)
  return daemon
}

const daemon = await seed()
const offered = async (line: string, desk: Desk = daemon.open(undefined)) =>
  (await complete(line.split(' '), TREE, askDaemon(desk))).map(({ word }) => word)

test('verbs, their verbs and options', async () => {
  const verbs = await offered('')
  for (const verb of ['run', 'config', 'log', 'counters', 'ipvsadm', 'dpip', 'completion'])
    assert.ok(verbs.includes(verb), verb)
  assert.deepEqual(await offered('ip'), ['ipvsadm'])
  assert.deepEqual(await offered('--so'), ['--socket'])
  assert.deepEqual(await offered('--socket /x ipv'), ['ipvsadm'])
  assert.deepEqual(await offered('--socket '), [':files'])
  assert.ok((await offered('config ')).includes('check'))
  assert.deepEqual(await offered('config check '), [':files'])
  assert.deepEqual(await offered('run --config '), [':files'])
  assert.deepEqual(await offered('log level '), ['error', 'warn', 'info', 'debug'])
  assert.deepEqual(await offered('log level d'), ['debug'])
  assert.deepEqual(await offered('counters --'), ['--json', '--all', '--socket', '--help', '--utc'])
  assert.deepEqual(await offered('completion '), ['bash', 'zsh'])
  assert.deepEqual(await offered('drain '), ['192.168.168.8:80', '192.168.168.2:6379'])
  assert.deepEqual(await offered('drain --service '), ['202.108.10.1:80', '202.108.10.1:6379'])
  assert.deepEqual(await offered('nonsense '), [])
})

test('inside ipvsadm', async () => {
  const commands = await offered('ipvsadm -')
  for (const word of ['-A', '--add-service', '-Z', '-c', '--stats'])
    assert.ok(commands.includes(word), word)
  assert.ok(!commands.includes('-w'), 'a listing has no weight')
  assert.deepEqual(await offered('ipvsadm -A --'), [
    '--tcp-service',
    '--udp-service',
    '--match',
    '--scheduler',
    '--sched-flags',
    '--hash-target',
    '--persistent',
    '--netmask',
    '--conn-timeout',
    '--when-down',
    '--ops',
    '--quic',
    '--proxy-protocol',
    '--synproxy',
    '--synproxy-above',
    '--connection-rate',
    '--connection-burst',
    '--client-rate',
    '--client-burst',
    '--acl-established',
    '--socket',
  ])
  const named = await offered('ipvsadm -A -u 10.0.0.1:53 --')
  assert.ok(!named.some(word => word.endsWith('-service')), 'one service at a time')
  assert.deepEqual(await offered('ipvsadm -D -u '), [])
  assert.deepEqual(await offered('ipvsadm -A -t 10.0.0.1:80 -s w'), ['wrr', 'wlc'])
  assert.deepEqual(await offered('ipvsadm -A --when-down r'), ['reject'])
  assert.deepEqual(await offered('ipvsadm -D -t '), ['202.108.10.1:80', '202.108.10.1:6379'])
  assert.deepEqual(await offered('ipvsadm -Dt 202.108.10.1:8'), ['202.108.10.1:80'])
  const server = 'ipvsadm -d -t 202.108.10.1:80 -r '
  assert.deepEqual(await offered(server), ['192.168.168.8:80'])
  assert.deepEqual(await offered('ipvsadm -P -z '), ['192.168.168.7'])
  assert.deepEqual(await offered('ipvsadm -P --ifname '), ['ext0', 'int0'])
})

test('inside dpip', async () => {
  assert.deepEqual(await offered('dpip '), ['addr', 'route', 'neigh', 'link', 'ipset'])
  assert.deepEqual(await offered('dpip -s route '), ['add', 'del', 'show'])
  assert.deepEqual(await offered('dpip addr add 10.0.0.1/32 '), ['dev', 'sapool'])
  assert.deepEqual(await offered('dpip addr add 10.0.0.1/32 dev '), ['ext0', 'int0'])
  assert.deepEqual(await offered('dpip addr add 10.0.0.1/32 dev int0 '), ['sapool'])
  assert.deepEqual(await offered('dpip addr del 202'), ['202.108.10.1/32'])
  assert.deepEqual(await offered('dpip route del '), [
    'default',
    '202.108.10.0/24',
    '10.0.0.0/8',
    'via',
    'dev',
  ])
  assert.deepEqual(await offered('dpip link show '), ['ext0', 'int0', 'dev'])
  assert.deepEqual(await offered('dpip link show -i '), [])
  assert.deepEqual(await offered('dpip --int'), ['--interval'])
})

test('without a daemon, or with one that says nothing, nothing is offered', async () => {
  const paper = daemon.open(undefined)
  const gone: Desk = { ...paper, ask: () => Promise.reject(new Error('no daemon')) }
  assert.deepEqual(await offered('ipvsadm -D -t ', gone), [])
  const silent: Desk = { ...paper, ask: () => new Promise(() => {}) }
  const began = performance.now()
  // What waits for nothing but an unref'd timer would end the process.
  const keep = setTimeout(() => {}, 10_000)
  assert.deepEqual(await offered('ipvsadm -D -t ', silent), [])
  clearTimeout(keep)
  assert.ok(performance.now() - began < 2000)
})

test('zsh is told what words mean, their colons escaped', async () => {
  const paper = await seed()
  const words = ['words', '--about', '--', 'ipvsadm', '-D', '-t', '']
  await completion(words, paper.open, addVerbs)
  assert.equal(paper.stdout, '202.108.10.1\\:80:wlc\n202.108.10.1\\:6379:wlc\n')
})

/** What a real bash offers for `line` with the cursor at its end; its first word is asked for words. */
async function inBash(line: string): Promise<string[]> {
  const script = `
    set -u
    eval "$("$1" completion bash)"
    COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDBREAKS=' =:'
    _tapvs
    printf '%s\\n' "\${COMPREPLY[@]-}"`
  const ended = await run(['bash', '-c', script, 'bash', TAPVS, line])
  assert.equal(`${ended.code} ${ended.stderr}`, '0 ', line)
  return ended.stdout.split('\n').filter(word => word !== '')
}

test('bash', async () => {
  assert.deepEqual(await inBash(`${TAPVS} ipv`), ['ipvsadm'])
  assert.deepEqual(await inBash(`${TAPVS} ipvsadm -A -s w`), ['wrr', 'wlc'])
  assert.deepEqual(await inBash(`${TAPVS}  dpip  li`), ['link'])
  assert.deepEqual(await inBash(`${TAPVS} --socket /nowhere ipvsadm -D -t `), [])
})

test('bash takes an address and its port for two words', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-completion-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const stub = join(folder, 'tapvs')
  writeFileSync(stub, '#!/bin/sh\necho "10.0.0.1:80"\necho "10.0.0.1:443"\n', { mode: 0o755 })
  assert.deepEqual(await inBash(`${stub} ipvsadm -D -t 10.0`), ['10.0.0.1:80', '10.0.0.1:443'])
  assert.deepEqual(await inBash(`${stub} ipvsadm -D -t 10.0.0.1:`), ['80', '443'])
})

test('a shell that is not known', async () => {
  await assert.rejects(completion(['fish'], daemon.open, addVerbs), {
    message: 'completion needs a shell: bash or zsh',
  })
})
