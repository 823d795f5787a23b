// The real servers: one redis-server for each address on int0. They keep nothing and write only into
// the run folder.
//
// The Debian package redis-server would enable a service on the user's host. redis-tools holds the same
// program as /usr/bin/redis-check-rdb: it looks at the name it was called by, so a symlink of the right
// name starts the server.

import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from './lab-error.ts'
import { inside, pidsInside, runsInside } from './namespaces.ts'
import {
  commandLine,
  lastWords,
  onPath,
  recordedPid,
  run,
  startRecorded,
  stopPids,
  stopRecorded,
  until,
} from './processes.ts'
import { type Arm, type Paths, REDIS_PORT } from './topology.ts'

const READY_LIMIT_MS = 20_000
const PING_LIMIT_MS = 1000

export const redisRecord = (paths: Paths, address: string) =>
  join(paths.folder, `redis-${address}.pid`)

function redisServer(paths: Paths): string {
  const installed = onPath('redis-server')
  if (installed) return installed
  const sameProgram = onPath('redis-check-rdb')
  if (!sameProgram) throw new LabError('no redis-server: install the Debian package redis-tools')
  const link = join(paths.folder, 'redis-server')
  if (!existsSync(link)) {
    rmSync(link, { force: true }) // it may point to nothing
    symlinkSync(sameProgram, link)
  }
  return link
}

/** => the pid of the redis-server of that address, if it runs in the namespace as it is now */
export function redisPid(paths: Paths, arm: Arm, address: string): number | undefined {
  const pid = recordedPid(redisRecord(paths, address))
  return pid !== undefined && runsInside(pid, arm) ? pid : undefined
}

/** Servers on that address without a record: they would hold the port, and answer in the wrong name. */
async function lostServers(arm: Arm, address: string): Promise<number[]> {
  return (await pidsInside(arm)).filter(pid => {
    const words = commandLine(pid)
    const onAddress = words.includes(`${address}:${REDIS_PORT}`) || words.includes(address)
    return onAddress && words[0]?.endsWith('redis-server')
  })
}

/** Asks from inside the namespace, past the appliance. */
export async function redisAnswers(arm: Arm, address: string): Promise<boolean> {
  const ping = [...inside(arm), 'redis-cli', '-h', address, '-p', `${REDIS_PORT}`, 'ping']
  const { stdout } = await run(ping, { timeoutMs: PING_LIMIT_MS })
  return stdout.trim() === 'PONG'
}

/** The server of an address, of the one of IPv6 beside it, and of VIPs that it has. Leaves one that answers alone; replaces one that is dead or hangs. */
export async function raiseRedis(
  paths: Paths,
  arm: Arm,
  address: string,
  signal?: AbortSignal,
  vips: readonly string[] = [],
): Promise<void> {
  const address6 = arm.addresses6[arm.addresses.indexOf(address)]
  if (redisPid(paths, arm, address) && (await redisAnswers(arm, address))) return
  const record = redisRecord(paths, address)
  await stopRecorded(record)
  await stopPids(await lostServers(arm, address))
  const folder = join(paths.folder, `redis-${address}`)
  mkdirSync(folder, { recursive: true })
  const log = join(folder, 'redis.log')
  rmSync(log, { force: true })
  // biome-ignore format: one option a line
  startRecorded([
    ...inside(arm), redisServer(paths),
    '--bind', address, ...(address6 ? [address6] : []), ...vips,
    '--port', `${REDIS_PORT}`,
    '--protected-mode', 'no', // it refuses everybody but 127.0.0.1 otherwise
    '--save', '',
    '--appendonly', 'no',
    '--daemonize', 'no',
    '--dir', folder,
  ], record, log)
  await until(`the redis-server on ${address}`, { limitMs: READY_LIMIT_MS, signal }, async () => {
    if (recordedPid(record) === undefined) {
      const what = `the redis-server on ${address} ended at once; its last words are above`
      throw new LabError(what, lastWords(log))
    }
    return (await redisAnswers(arm, address)) || undefined
  })
}
