/**
 * A command of the operator's, run inside the namespace: exit code 0 means up. It is told what to connect to
 * (CHECK_ADDRESS, CHECK_PORT), and for which RS and VIP. It and what it started is killed when its time is over.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { unprivileged } from '../../io/built.ts'
import { enterNetns, leaveNetns } from '../../io/native.ts'
import type { Attempt } from './attempt.ts'

/** The last words of its output are the reason when it fails. */
const SAID_MAX = 4096
/** ms in which they may come after its end; whoever it left behind may hold its output for ever. */
const LAST_WORDS_MS = 100

export async function probeScript(attempt: Attempt): Promise<void> {
  attempt.step = 'the script'
  const { signal } = attempt
  const child = start(attempt)
  // A group of its own, so that children of the script go with it.
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It is gone.
    }
  }
  signal.addEventListener('abort', kill, { once: true })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => {
      said = `${said}${text}`.slice(-SAID_MAX)
    })
  }
  const silent = new Promise(done => child.once('close', done))
  const [code, by] = await new Promise<[number | null, string | null]>((done, fail) => {
    child.on('error', fail)
    child.on('exit', (...how) => done(how))
  })
  if (code === 0) return
  await Promise.race([silent, sleep(LAST_WORDS_MS)])
  const last = said.trim().split('\n').at(-1) ?? ''
  const end = by === null ? `exit code ${code}` : `ended by ${by}`
  throw new Error(`the script failed with ${end}${last === '' ? '' : `: ${last}`}`)
}

/**
 * It needs none of the daemon's rights, and is somebody else's program: it has none (unprivileged). A process is in the
 * namespace of the thread that makes it, and spawn makes it before it returns.
 */
function start({ netns, check, address, port, rs, vip }: Attempt): ChildProcess {
  const previous = netns === '' ? -1 : enterNetns(netns)
  try {
    return spawn(unprivileged(), check.command, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        CHECK_ADDRESS: address,
        CHECK_PORT: String(port),
        RS_ADDRESS: rs.address,
        RS_PORT: String(rs.port),
        VIP: vip.address,
        VPORT: String(vip.port),
      },
    })
  } finally {
    if (previous >= 0) leaveNetns(previous)
  }
}
