/** redis's own tests (its source: `runtest`), against a server that is there. */

import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { onPath, run, until } from '../../../netns/processes.ts'
import { stopped } from '../stopped.ts'
import type { Place, Results, Suite } from './suite.ts'

const PORT = 6379
/** Of the whole suite; on a busy machine it takes five minutes. */
const LIMIT_MS = 40 * 60_000

/** It takes a port of the tests' own machine and expects that the server, which is on another one here, cannot have it. */
const NOT_THERE = 'CONFIG SET rollback on apply error'

/**
 * What these say on one connection has to arrive before what they say next on another, without having been answered: a client is to block, or
 * to unsubscribe, before the other one speaks. Later versions of those of streams wait for that (`wait_for_blocked_clients_count`). Packet threads are
 * ways of their own, and after a kill one of them may go on seconds before the other. They are those that fail or hang without any balancer, too, if
 * a forwarder holds back what is said on young connections by 20 to 80 ms; the last, which is written as the one before it, failed through NAT64.
 */
const IN_ORDER = {
  'unit/type/list': [
    'BRPOPLPUSH with multiple blocked clients',
    'BRPOPLPUSH does not affect WATCH while still blocked',
  ],
  'unit/type/stream-cgroups': [
    'Blocking XREADGROUP: key deleted',
    'Blocking XREADGROUP: key type changed with SET',
    'Blocking XREADGROUP: key type changed with transaction',
    'Blocking XREADGROUP: flushed DB',
    'Blocking XREAD: key deleted',
    'Blocking XREAD: key type changed with SET',
  ],
  'unit/pubsub': [
    'PUBLISH/SUBSCRIBE after UNSUBSCRIBE without arguments',
    'PUBLISH/PSUBSCRIBE after PUNSUBSCRIBE without arguments',
  ],
}
const NAMES_IN_ORDER = Object.values(IN_ORDER).flat()
/** Of a second each. */
const TIMES_IN_ORDER = 20

/** As redis's own CI starts a server for this (external.yml). */
const SERVER = [
  ['--save', ''],
  ['--protected-mode', 'no'],
  ['--enable-protected-configs', 'yes'],
  ['--enable-debug-command', 'yes'],
  ['--enable-module-command', 'yes'],
].flat()

/** @param source the folder of redis's source; the tests keep their files in it */
export function redisSuite(source: string): Suite {
  return {
    port: PORT,
    async serve(lab, folder, address) {
      // The lab's own holds the port, until it is ended.
      await lab.rs(['redis-cli', '-h', address, 'shutdown', 'nosave'])
      const program = programs(source)
      const argv = [program, '--bind', address, '--port', `${PORT}`, '--dir', folder, ...SERVER]
      const child = lab.spawn('rs', argv, { stdio: 'ignore' })
      await until('redis-server', { limitMs: 10_000, everyMs: 50 }, async () => {
        const { stdout } = await lab.rs(['redis-cli', '-h', address, 'ping'], { timeoutMs: 1000 })
        return stdout.trim() === 'PONG' || undefined
      })
      return () => stopped(child, 'SIGKILL')
    },
    run: place => tested(source, place, [NOT_THERE, ...NAMES_IN_ORDER].flatMap(each('skiptest'))),
    inOrder: place => {
      const units = Object.keys(IN_ORDER).flatMap(each('single'))
      const names = NAMES_IN_ORDER.flatMap(each('only'))
      return repeated(TIMES_IN_ORDER, () => tested(source, place, [...units, ...names]))
    },
  }
}

/** The tests take programs from the source, where nobody has built any: they are those of the host. => the server */
function programs(source: string): string {
  mkdirSync(join(source, 'src'), { recursive: true })
  // Debian has the server's program under this name in redis-tools: it looks at the name that it is called by.
  const from = { 'redis-server': 'redis-check-rdb', 'redis-cli': '', 'redis-benchmark': '' }
  for (const [name, other] of Object.entries(from)) {
    const link = join(source, 'src', name)
    const program = onPath(name) ?? onPath(other)
    if (program === undefined) throw new Error(`no ${name}: install redis-tools`)
    if (!existsSync(link)) symlinkSync(program, link)
  }
  return join(source, 'src/redis-server')
}

const each = (option: string) => (value: string) => [`--${option}`, value]

/** The same `times` over, until one fails. */
async function repeated(times: number, one: () => Promise<Results>): Promise<Results> {
  const all: Results = { passed: [], failed: [], details: '' }
  for (let time = 0; time < times && all.failed.length === 0; time++) {
    const { passed, failed, details } = await one()
    all.passed.push(...passed)
    all.failed.push(...failed)
    all.details = details
  }
  return all
}

async function tested(
  source: string,
  { lab, side, host }: Place,
  which: string[],
): Promise<Results> {
  const what = ['--host', host, '--port', `${PORT}`, '--tags', '-slow', '--timeout', '300']
  const argv = lab.inside(side, ['env', '-C', source, './runtest', ...what, ...which])
  const { code, stdout, stderr } = await run(argv, { timeoutMs: LIMIT_MS })
  const text = stripVTControlCharacters(stdout)
  const named = (kind: RegExp) => [...text.matchAll(kind)].map(([, name = '']) => name.trim())
  const passed = named(/^\[ok\]: (.*?)(?: \(\d+ ms\))?$/gm)
  const failed = named(/^\[(?:err|exception|timeout)\]:? ?(.*)$/gim)
  if (code !== 0 && failed.length === 0) failed.push(`runtest ended with ${code}`)
  const at = Math.max(0, text.search(/^\[(err|exception|timeout)\]/im))
  return { passed, failed, details: text.slice(at, at + 4000) || stderr.slice(-2000) }
}
