/** The words of scripts/lab and its exit codes; none of this raises a lab. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownRecord, run } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'

const LAB = [process.execPath, join(CHECKOUT, 'dist/netns/lab.js')]

test('wrong use is one line and exit code 2, as with tapvs', async () => {
  const cases: [argv: string[], message: string][] = [
    [[], 'say what to do: up, down, status, demo, client, rs, capture or logs (lab --help)'],
    [['upp'], 'unknown verb; did you mean up? (lab --help)'],
    [
      ['capture', '--secnods', '1'],
      'unknown option --secnods; did you mean --seconds? (lab --help)',
    ],
    [['status', 'all'], 'unknown word "all" (lab --help)'],
    [['status', 'a\u001b[2J'], 'unknown word "a?[2J" (lab --help)'],
    [['up', '--config', '/a\u001b[2J'], 'cannot read the config /a?[2J'],
    [['client'], 'say what to run: client CMD... (lab --help)'],
    [['up', '--rs', '0'], '--rs: give a whole number from 1 to 64'],
    [['up', '--arms', 'nic'], '--arms "nic": use tap or veth'],
    [['demo', '--arms='], '--arms "": use tap or veth'],
    [['up', '--config', '/nowhere'], 'cannot read the config /nowhere'],
    [
      ['down', '--name', '../etc'],
      '--name "../etc": use 1 to 32 of a-z, 0-9, - and _, starting with a letter or digit',
    ],
  ]
  for (const [argv, message] of cases) {
    const found = await run([...LAB, ...argv])
    assert.deepEqual(found, { code: 2, stdout: '', stderr: `lab: ${message}\n` }, argv.join(' '))
  }
})

test('help says what exit codes mean, and help VERB is VERB --help', async () => {
  const { code, stdout } = await run([...LAB, '--help'])
  assert.equal(code, 0)
  assert.match(stdout.replaceAll(/\s+/g, ' '), /Exit codes: 0 done, 1 failed, 2 used wrongly, 3 /)
  assert.deepEqual(await run([...LAB, 'help', 'up']), await run([...LAB, 'up', '--help']))
})

test('ended by a signal it says so, with the exit code of that signal', async t => {
  const name = `signals-${process.pid}`
  const lock = `/run/${name}.lock`
  // We are at work on that lab, so that the command waits.
  writeFileSync(lock, ownRecord(), { flag: 'wx' })
  t.after(() => rmSync(lock))
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const [node = '', ...words] = [...LAB, 'down', '--name', name]
    const child = spawn(node, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', text => {
      said += text
    })
    await waits(child.pid as number)
    child.kill(signal)
    const [code] = await once(child, 'close')
    assert.deepEqual([code, said], [expected, 'lab: interrupted\n'])
  }
})

/** It has decided what signals mean: SIGQUIT is the last of those, and Node takes none of it by itself. */
async function waits(pid: number): Promise<void> {
  const quit = 1n << 2n
  for (;;) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const caught = /^SigCgt:\t(\w+)$/m.exec(status)?.[1] ?? '0'
    if ((BigInt(`0x${caught}`) & quit) !== 0n) return
    await sleep(20)
  }
}

test('a full disk where stdout goes is one line; a reader who has gone is none', async () => {
  const into = (target: string) => {
    const argv = [...LAB, 'status', '--name', `none-${process.pid}`]
    return run(['bash', '-c', `"$@" ${target}`, 'bash', ...argv])
  }
  assert.deepEqual(await into('> /dev/full'), {
    code: 1,
    stdout: '',
    stderr: 'lab: stdout cannot be written: the disk is full\n',
  })
  const { stderr } = await into('| true')
  assert.equal(stderr, '')
})
