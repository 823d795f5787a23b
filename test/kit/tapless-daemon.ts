/**
 * The daemon as a process with other packet threads and devices (tapless-main.ts), which need neither root nor TAPs and
 * do what the name of the first arm says.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NO_DEBUGGER } from '../../src/control/system/signals.ts'

const MAIN = fileURLToPath(new URL('./tapless-main.js', import.meta.url))

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

  const child = spawn(process.execPath, [NO_DEBUGGER, MAIN, config], {
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
