/** Two services for files, one for each direction, and a file sent through both at the same time. */

import assert from 'node:assert/strict'
import { type Finished, until } from '../../netns/processes.ts'
import type { Side } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import type { ArmInfo } from '../../src/api/commands.ts'
import { countersOf, RIP, VIP } from './lab.ts'

const UP = 9000
const DOWN = 9001
/** Small, so that a file takes its time. */
const PIECE_KIB = 512
/** One Ethernet frame with its virtio-net header. */
export const WIRE_FRAME = 10 + 14 + 1500

/** For the config's `services`. */
export const BULK_SERVICES = [UP, DOWN].map(port => ({
  address: VIP,
  port,
  protocol: 'tcp',
  scheduler: 'rr',
  real_servers: [{ address: RIP }],
}))

const limit = { timeoutMs: 150_000 }
const bash = (script: string) => ['bash', '-o', 'pipefail', '-c', script]
const hashOf = (text: string) => text.split(' ')[0]

/** A file in pieces with a pause behind each, so that what happens meanwhile happens in the middle. */
const paced = (file: string, mib: number) =>
  `for i in $(seq 0 ${(mib << 10) / PIECE_KIB - 1}); do dd if=${file} bs=${PIECE_KIB}K skip=$i count=1 status=none; sleep 0.05; done`

/** So many MiB of a file in both directions at once, at a pace. Hashes are compared. */
export async function pacedTransfer(ends: Ends, file: string, mib: number): Promise<void> {
  const pieces = paced(file, mib)
  const upServer = ends.rs(bash(`socat -u TCP-LISTEN:${UP},reuseaddr - | sha256sum`), limit)
  const downServer = ends.rs(
    bash(`(${pieces}) | socat -u STDIN TCP-LISTEN:${DOWN},reuseaddr`),
    limit,
  )
  await Promise.all([listening(ends, UP, upServer), listening(ends, DOWN, downServer)])
  const upClient = ends.client(bash(`(${pieces}) | socat -u STDIN TCP:${VIP}:${UP}`), limit)
  const downClient = ends.client(bash(`socat -u TCP:${VIP}:${DOWN} - | sha256sum`), limit)
  const expected = hashOf((await ends.client(['sha256sum', file])).stdout)
  const ended = await Promise.all([upServer, downServer, upClient, downClient])
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr)
  assert.equal(hashOf(ended[0].stdout), expected, 'what went up')
  assert.equal(hashOf(ended[3].stdout), expected, 'what came down')
}

/** A file of so many MiB of random bytes. */
export async function randomFile(lab: Lab, file: string, mib: number): Promise<void> {
  const made = await lab.client(['dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${mib}`])
  assert.equal(made.code, 0, made.stderr)
}

/** Who runs the programs at both ends of a transfer; a lab does for its own. */
export type Ends = Pick<Lab, Side>

/** Long, for a machine that is busy; a server that cannot listen says why and ends. */
async function listening(ends: Ends, port: number, server: Promise<Finished>): Promise<void> {
  let ended: Finished | undefined
  server.then(finished => (ended = finished)).catch(() => {})
  await until(`a server on port ${port}`, { limitMs: 30_000 }, async () => {
    if (ended)
      throw new Error(`the server on port ${port} ended with ${ended.code}: ${ended.stderr}`)
    const { stdout } = await ends.rs(['ss', '-Hltn', `sport = :${port}`], { timeoutMs: 30_000 })
    return stdout.includes(`:${port}`) || undefined
  })
}

/** Both directions at once, and hashes compared. => average bytes per frame read from each arm */
export async function transfer(
  lab: Lab,
  file: string,
  at: Ends = lab,
): Promise<Record<Side, number>> {
  const before = (await countersOf(lab)).arms
  const upServer = at.rs(bash(`socat -u TCP-LISTEN:${UP},reuseaddr - | sha256sum`), limit)
  const downServer = at.rs(bash(`socat -u OPEN:${file} TCP-LISTEN:${DOWN},reuseaddr`), limit)
  await Promise.all([listening(at, UP, upServer), listening(at, DOWN, downServer)])
  const upClient = at.client(bash(`socat -u OPEN:${file} TCP:${VIP}:${UP}`), limit)
  const downClient = at.client(bash(`socat -u TCP:${VIP}:${DOWN} - | sha256sum`), limit)
  const expected = hashOf((await lab.client(['sha256sum', file])).stdout)
  const ended = await Promise.all([upServer, downServer, upClient, downClient])
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr)
  assert.equal(hashOf(ended[0].stdout), expected, 'what went up')
  assert.equal(hashOf(ended[3].stdout), expected, 'what came down')
  const after = (await countersOf(lab)).arms
  const average = (i: number, cell: (arm: ArmInfo) => [number, number]) => {
    const [bytes, packets] = cell(after[i])
    const [bytesBefore, packetsBefore] = cell(before[i])
    return (bytes - bytesBefore) / (packets - packetsBefore)
  }
  const read = (arm: ArmInfo): [number, number] => [arm.rx_bytes, arm.rx_packets]
  return { client: average(0, read), rs: average(1, read) }
}
