/** A start that fails says what to do, in the doctor's words. Nothing here gets as far as making a device. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../../../netns/processes.ts'
import { TAPVS } from '../../../netns/topology.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { remedy } from '../../../src/control/doctor/remedy.ts'
import { unprivileged } from '../../../src/io/built.ts'

function configFile(t: TestContext, arm: string, socket?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-remedy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'x.yaml')
  writeFileSync(
    file,
    `arms: [{ name: nothere0, ${arm}addresses: [10.0.0.5/24], local_addresses: [10.0.0.9] }]
services: [{ address: 10.0.0.5, port: 80 }]
control: { socket: ${socket ?? join(folder, 's.sock')} }
log: { timestamps: false }
`,
  )
  return file
}

async function refused(file: string, ...before: string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...before, TAPVS, 'run', '--config', file])
  assert.deepEqual([code, stdout], [1, ''], stderr)
  assert.equal(stderr.trim().split('\n').length, 1, stderr)
  return stderr.replace(/^\S+Z /, '')
}

test('a namespace that is not there', async t => {
  const file = configFile(t, 'netns: tapvs-nowhere, ')
  const line =
    /^TAPVS: enter namespace for nothere0 in \/run\/netns\/tapvs-nowhere: .*; ip netns add tapvs-nowhere\n$/
  assert.match(await refused(file), line)
  // That is what has to be done first, whoever does it.
  assert.match(await refused(file, unprivileged()), line)
})

test('no right to make a TAP', async t => {
  assert.match(
    await refused(configFile(t, ''), unprivileged()),
    /^TAPVS: TUNSETIFF nothere0: Operation not permitted; start it as root, or as systemd\/tapvs\.service does\n$/,
  )
})

test('a socket where there can be none', async t => {
  const file = configFile(t, '')
  assert.match(
    await refused(configFile(t, '', `${file}/s.sock`)),
    /^TAPVS: ENOTDIR: .*; set control\.socket to a path in one\n$/,
  )
})

test('what the doctor does not know either is left to him, and memory and files are known', async () => {
  const config = parseConfig(
    'arms: [{ name: nothere0, addresses: [10.0.0.5/24], local_addresses: [10.0.0.9] }]',
    'x.yaml',
  )
  const system = (code: string) => Object.assign(new Error(code), { code })
  const of = (error: Error) => remedy(error, config, 'x.yaml')
  assert.match(await of(new RangeError('Array buffer allocation failed')), /^make connections\./)
  assert.equal(
    await of(system('EXDEV')),
    'tapvs doctor --config x.yaml looks at all that a start needs',
  )
  // The one that failed is meant, and not another whose name its own begins with.
  const [ext0, ext01] = ['', 'netns: tapvs-nowhere, '].map(
    (netns, i) => `{ name: ext0${i || ''}, ${netns}addresses: [10.0.${i}.5/24] }`,
  )
  const two = parseConfig(`arms: [${ext0}, ${ext01}]`, 'x.yaml')
  const failed = Object.assign(system('ENOENT'), { device: two.arms[1] })
  assert.equal(await remedy(failed, two, 'x.yaml'), 'ip netns add tapvs-nowhere')
  assert.match(await of(system('EMFILE')), /^raise it: ulimit -n \d+, LimitNOFILE= under systemd$/)
})
