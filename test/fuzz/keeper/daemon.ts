/**
 * A daemon that means no good: looks whether it was given what those before it have had held, says what its seed has it say, and dies.
 * `node daemon.js SEED FOLDER`, started by a keeper; what is wrong is written to FOLDER/fault.
 */

import { once } from 'node:events'
import { appendFileSync, closeSync, readFileSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { BELL_FD, MESSAGES_FD } from '../../../src/control/keeper/keeping.ts'
import { createMemory, mapMemory, receiveMessage, sendMessage } from '../../../src/io/hold.ts'
import type { NativeError } from '../../../src/io/native.ts'
import { heldAtStart, saidIn } from './messages.ts'

const [seed = 0, folder = ''] = [Number(process.argv[2]), process.argv[3]]
/** A line for each life. */
const LIVES = join(folder, 'lives')
/** One page: all that is mapped of a descriptor's memory is its number. */
const BYTES = 4096
const cell = new Int32Array(new SharedArrayBuffer(4))

/** => what the keeper gives, in words */
function given(): string[] {
  const all: string[] = []
  for (;;) {
    const message = receiveMessage(MESSAGES_FD)
    if (message === null || message === 'end') throw new Error('the keeper has said too little')
    const { hold, about, begin } = JSON.parse(message.text)
    if (begin === true) return all.sort()
    const numbers = message.fds.map(fd => {
      const [number] = new Int32Array(mapMemory(fd, 0, BYTES))
      closeSync(fd)
      return number
    })
    all.push(JSON.stringify([hold, about, numbers]))
  }
}

/** Again and again, until the other end has room. */
function patiently(send: () => void): void {
  for (let tries = 0; tries < 5000; tries++) {
    try {
      send()
      return
    } catch (error) {
      if ((error as NativeError).code !== 'EAGAIN') throw error
      Atomics.wait(cell, 0, 0, 1)
    }
  }
}

function say(text: string, numbers: readonly number[], rings: boolean): void {
  const fds = numbers.map(number => {
    const fd = createMemory('tapvs-fuzz', BYTES)
    new Int32Array(mapMemory(fd, 0, BYTES))[0] = number
    return fd
  })
  patiently(() => sendMessage(MESSAGES_FD, { text, fds }))
  for (const fd of fds) closeSync(fd)
  if (rings) patiently(() => writeSync(BELL_FD, '.'))
}

appendFileSync(LIVES, '.')
const life = readFileSync(LIVES, 'utf8').length - 1

async function live(): Promise<void> {
  const bell = new Socket({ fd: BELL_FD, readable: true, writable: false })
  await once(bell, 'data')
  const expected = [...heldAtStart(seed, life)].map(([hold, { about, fds }]) =>
    JSON.stringify([hold, about, fds]),
  )
  const found = given()
  if (JSON.stringify(found) !== JSON.stringify(expected.sort()))
    throw new Error(`life ${life} was given ${found}, not ${expected}`)
  say(JSON.stringify({ ready: true }), [], true)
  for (const { text, fds, rings } of saidIn(seed, life)) say(text, fds, rings)
}

// The first fault counts: whoever follows is given what is wrong as well.
await live().catch((error: Error) => appendFileSync(join(folder, 'fault'), `${error.stack}\n`))
if ((seed + life) % 2 === 0) process.kill(process.pid, 'SIGKILL')
process.exit(3)
