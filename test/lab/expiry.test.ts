/**
 * An idle connection is reset on both sides when its time is over, and real kernels believe the resets: their sequence
 * numbers are exactly what each end expects (RFC 5961 wants that, or answers with a challenge instead).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CIP,
  captured,
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const folder = scratchFolder()
const config = labConfig(folder, 'impatient', yaml => {
  yaml.setIn(['tcp', 'timeouts'], { established: 1 })
})
const lab = labForTests('expiry', { config })

test('an idle connection ends with an RST at each end', async () => {
  const talk = `exec 3<>/dev/tcp/${VIP}/6379; printf 'PING\\r\\n' >&3; cat <&3; echo " cat ended with $?"`
  const lines = await captured(lab, folder, async () => {
    const { stdout, stderr } = await lab.client(['bash', '-c', talk], { timeoutMs: 10_000 })
    assert.equal(stdout, '+PONG\r\n cat ended with 1\n')
    assert.match(stderr, /Connection reset by peer/)
  })
  const last = (side: 'client' | 'rs') => lines[side].at(-1) ?? ''
  assert.match(
    last('client'),
    new RegExp(`^${VIP}\\.6379 > ${CIP}\\.\\d+: Flags \\[R\\], seq \\d+, win 0`),
  )
  assert.match(
    last('rs'),
    new RegExp(`^${LIP}\\.1025 > ${RIP}\\.6379: Flags \\[R\\], seq \\d+, win 0`),
  )

  // Nobody is left half open: neither a socket of the RS nor one of the client, nor a connection here.
  const sockets = ['ss', '-Htn', 'state', 'established']
  assert.equal((await lab.rs(sockets)).stdout, '')
  assert.equal(await mustClient(lab, sockets), '')
  assert.equal(await mustTapvs(lab, 'ipvsadm', '-ln', '-c'), '')
  assert.equal((await countersOf(lab)).events.rst_on_expiry, 1)
})
