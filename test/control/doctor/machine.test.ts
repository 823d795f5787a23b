/** The checks that judge numbers and texts of the machine, with those of other machines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFindings } from '../../../src/cli/texts/doctor.ts'
import { type Config, parseConfig } from '../../../src/config/config.ts'
import * as machine from '../../../src/control/doctor/machine.ts'
import { rights } from '../../../src/control/doctor/rights.ts'

function configOf(rest = '', netns = ''): Config {
  const arm = `{ name: a, ${netns} addresses: [192.0.2.1/24], local_addresses: [192.0.2.7] }`
  return parseConfig(`arms: [${arm}]\n${rest}`, 'x.yaml')
}

const LIMITS = (
  files: string,
  locked: string,
) => `Limit                     Soft Limit           Hard Limit           Units
Max open files            ${files}                 524288               files
Max locked memory         ${locked}              8388608              bytes
`

test('Node has to be as new as package.json says', () => {
  for (const version of ['20.19.0', '20.20.2', '22.1.0', '26.0.0'])
    assert.equal(machine.node(version).level, 'ok', version)
  for (const version of ['20.18.1', '18.20.0'])
    assert.deepEqual(machine.node(version), {
      level: 'fail',
      check: 'node',
      text: `this is ${version}`,
      mend: 'install Node 20.19 or newer',
    })
})

test('more packet threads than processors', () => {
  const config = configOf('workers: { count: 4 }')
  assert.equal(machine.processors(config, 4).level, 'ok')
  assert.equal(
    formatFindings([machine.processors(config, 2)]),
    'warn  processors: 2 for 4 packet threads; set workers.count to 2 at most: more only costs\n',
  )
})

test('tables that do not fit', () => {
  const config = configOf('connections: { table_size: 16777216 }')
  const bytes = machine.bytesFor(config)
  // 88 bytes a connection.
  assert.ok(bytes > 16_777_216 * 88 && bytes < 2 * 16_777_216 * 88)
  assert.equal(machine.memory(config, bytes).level, 'ok')
  assert.equal(machine.memory(config, bytes - 1).level, 'warn')
})

test('limits of open files and locked memory', () => {
  const config = configOf('workers: { count: 8 }')
  assert.equal(machine.files(config, LIMITS('1024', '0')).level, 'ok')
  const { level, mend } = machine.files(config, LIMITS('100', '0'))
  assert.equal(level, 'fail')
  assert.match(mend ?? '', /^raise it: ulimit -n \d+/)
  assert.equal(machine.lockedMemory(LIMITS('1', '65536'), '6.1.0-1').level, 'ok')
  assert.equal(machine.lockedMemory(LIMITS('1', '65536'), '5.10.0-30-amd64').level, 'warn')
  assert.equal(machine.lockedMemory(LIMITS('1', 'unlimited'), '5.10.0').level, 'ok')
})

test('rights that the config asks for, and those that it does not', () => {
  const levels = (config: Config | undefined, bits: bigint, restricted = true) =>
    rights(config, `CapEff:\t${bits.toString(16).padStart(16, '0')}\n`, restricted)
      .map(({ level }) => level)
      .join(' ')
  const [netAdmin, sysAdmin, bpf] = [1n << 12n, 1n << 21n, 1n << 39n]
  const near = configOf()
  const far = configOf('', 'netns: n,')
  const many = configOf('workers: { count: 2 }')
  assert.equal(levels(near, 0n), 'fail ok ok')
  assert.equal(levels(near, netAdmin), 'ok ok ok')
  assert.equal(levels(far, netAdmin), 'ok fail ok')
  assert.equal(levels(far, netAdmin | sysAdmin), 'ok ok ok')
  assert.equal(levels(many, netAdmin), 'ok ok warn')
  assert.equal(levels(many, netAdmin, false), 'ok ok ok')
  assert.equal(levels(many, netAdmin | bpf), 'ok ok ok')
  assert.equal(levels(undefined, 0n), 'fail warn warn')
  // Unprivileged users may load socket filters at most, and what a NIC takes is none.
  const nic = configOf('', 'kind: nic,')
  for (const restricted of [true, false]) {
    assert.equal(levels(nic, netAdmin, restricted), 'ok ok fail')
    assert.equal(levels(nic, netAdmin | bpf, restricted), 'ok ok ok')
    assert.equal(levels(undefined, netAdmin, restricted), 'ok warn warn')
  }
})
