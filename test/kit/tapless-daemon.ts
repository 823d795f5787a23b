/**
 * The daemon with other packet threads and devices: a copy of the program with the worker.js and queues.js below, which
 * need neither root nor TAPs, and do what the name of the first arm says.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'

const WORKER = `
import { workerData } from 'node:worker_threads'
import { Counters, Gauge } from '../../engine/counters.js'
import { sayLport } from '../../engine/say.js'
import { TraceRing } from '../../engine/trace.js'
const { config, index, port, tables, trace, traceRecords } = workerData
const counters = new Counters(tables.counters, 1)
const ring = new TraceRing(trace, traceRecords)
const role = config.arms[0].name
if (role === 'fails') {
  port.postMessage({ failed: 'out of memory' })
  throw new Error('out of memory')
}
port.on('message', message => {
  if ('stop' in message) {
    while (role === 'hangs');
    port.close()
  } else if ('debug' in message) {
    ring.log(message.debug)
    if (!message.debug) return
    const many = role === 'chatters' ? 100000 : 1
    for (let i = 0; i < many; i++) sayLport(ring, 0x7f000001, i, 0, 0)
    counters.gauges[Gauge.TRACE_LOST] = ring.lost
  } else if ('lose' in message) {
    port.postMessage({ lost: message.lose })
  } else if ('attach' in message) {
    ring.log(true)
    sayLport(ring, 0x7f000001, message.queue.fd, 0, 0)
  } else {
    if (role === 'dies') throw new Error('a bug')
    const { verb, from } = message.request
    // Each has two pages, of one connection whose client is the place where it begins.
    if (verb === 'conns') new Int32Array(workerData.page).fill(0).set([from])
    const ok = verb === 'conns' ? { count: 1, next: from === 0 ? 7 : -1 } : []
    port.postMessage({ id: message.id, answer: { ok } })
  }
})
if (role === 'loses' && index === 1) port.postMessage({ lost: 0 })
port.postMessage({ ready: true })
`

const QUEUES = `
let opened = 0
export const readerOf = arm => arm
export function openQueues(name, netns, workers, program) {
  if (name === 'busy') throw new Error('TUNSETIFF busy: Device or resource busy')
  opened++
  if (opened === 2) throw new Error('still gone')
  const fds = Array.from({ length: workers }, (_, worker) => 100 * opened + worker)
  return name === 'unsteered' ? { fds, unsteered: 'BPF_PROG_LOAD: Operation not permitted' } : { fds }
}
`

export interface TaplessDaemon {
  process: ChildProcess
  socket: string
  config: string
  /** Resolves when stderr holds a match. */
  said(pattern: RegExp): Promise<RegExpMatchArray>
  stderr(): string
  exitCode: Promise<number | null>
}

/** Starts it and waits for \`until\` on stderr. */
export async function startTapless(
  t: TestContext,
  role: string,
  until: RegExp,
  rest = '',
): Promise<TaplessDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-daemon-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(CHECKOUT, 'dist/src'), join(folder, 'dist/src'), { recursive: true })
  for (const name of ['node_modules', 'build', 'package.json']) {
    symlinkSync(join(CHECKOUT, name), join(folder, name))
  }
  cpSync(join(CHECKOUT, 'bin'), join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'dist/src/control/threads/worker.js'), WORKER)
  writeFileSync(join(folder, 'dist/src/io/queues.js'), QUEUES)
  const socket = join(folder, 'run/tapvs.sock')
  const config = join(folder, 'x.yaml')
  const arm = `{ name: ${role}, addresses: [10.0.0.1/24], local_addresses: [10.0.0.9] }`
  const services = '[{ address: 10.0.0.5, port: 80 }]'
  // Without times, unless they are what is looked at.
  const plain = 'log: { timestamps: false'
  const log = rest.includes('log: {')
    ? rest.replace(/log: \{(?!.*timestamps)/, `${plain},`)
    : `${rest}${plain} }\n`
  const head = `arms: [${arm}]\nservices: ${services}\ncontrol: { socket: ${socket} }\n`
  writeFileSync(config, head + log)

  const child = spawn(join(folder, 'bin/tapvs'), ['run', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  const waiting: (() => void)[] = []
  const exitCode = new Promise<number | null>(done => {
    child.on('close', code => {
      done(code)
      for (const look of waiting) look()
    })
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text += chunk
    for (const look of waiting) look()
  })
  const daemon: TaplessDaemon = {
    process: child,
    socket,
    config,
    exitCode,
    stderr: () => text,
    said: pattern =>
      new Promise((done, fail) => {
        const look = () => {
          const match = pattern.exec(text)
          if (match) done(match)
          else if (child.exitCode !== null) fail(new Error(`ended without ${pattern}: ${text}`))
        }
        waiting.push(look)
        look()
      }),
  }
  await daemon.said(until)
  return daemon
}
