/** BPF programs on frames in the kernel, without any device. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { endianness, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { concat } from './frame.ts'

/** Trial runs of classifiers have the loopback device, whose MAC this is. */
export const LOOPBACK_MAC = '00:00:00:00:00:00'
/** No such device: a copy goes nowhere. */
export const NO_DEVICE = 0x7fff_fff0
/** Of linux/bpf.h: the next program, and then the host; not to go on; to where the program has said. */
export const VERDICT = { NEXT: -1 >>> 0, DROP: 2, REDIRECT: 7 } as const

/** => what a program of this type returns for each frame, as unsigned; compiled before the tests of the file. */
export function bpfRunner(type: 'filter' | 'classifier') {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-bpf-'))
  const runner = join(folder, 'bpf-run')
  before(() => {
    const source = join(CHECKOUT, 'test/kit/bpf-run.c')
    const { status, stderr } = spawnSync('cc', ['-O2', '-o', runner, source], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
  after(() => rmSync(folder, { recursive: true }))
  return (program: Uint8Array, frames: Uint8Array[]): number[] => {
    assert.equal(endianness(), 'LE')
    const input = concat(
      ...[program, ...frames].flatMap(bytes => [
        new Uint8Array(Uint32Array.of(bytes.length).buffer),
        bytes,
      ]),
    )
    const args = type === 'filter' ? [] : [type]
    const { status, stdout, stderr } = spawnSync(runner, args, { input, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout.trim().split('\n').map(Number)
  }
}
