/**
 * A packet thread: builds its engine, runs the loop, and answers control between bursts. It never returns to Node's
 * event loop while it runs, so messages are fetched by hand after a wake-up.
 */

// Before anything of the engine is warm.
import '../../io/compiler.ts'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { isImpaired, parentOf } from '../../config/arms.ts'
import type { Change } from '../../config/changes.ts'
import type { Arm } from '../../engine/arm.ts'
import type { Engine } from '../../engine/engine.ts'
import { FlightRing } from '../../engine/flight.ts'
import { FlightKind } from '../../engine/flight-records.ts'
import { buffersOf, saveEngine } from '../../engine/image.ts'
import { clockMs, setClock } from '../../io/clock.ts'
import { ifConfined } from '../../io/confined.ts'
import { collectGarbage } from '../../io/garbage.ts'
import { Impair } from '../../io/impair.ts'
import { type Life, live, MAIN_SLOT, resign } from '../../io/life.ts'
import { Loop } from '../../io/loop.ts'
import type { Fault } from '../../io/mending.ts'
import { confineThread, giveUpRights, type Ring, wait } from '../../io/native.ts'
import { NO_FD, type Port } from '../../io/port.ts'
import { ringIfAllowed } from '../../io/ring.ts'
import { VlanPort } from '../../io/vlan-port.ts'
import { Watch } from '../../io/watch.ts'
import { ARM_KINDS, kindOf } from '../network/kinds.ts'
import { applyRunning, type Built } from './apply.ts'
import { outlives } from './forerunner.ts'
import { workerId } from './memory.ts'
import { ownSchedulersOf } from './own-scheduler.ts'
import { probe } from './probe.ts'
import type { FromWorker, ToWorker, WorkerAnswer, WorkerRequest, WorkerStart } from './protocol.ts'
import { setSessionClock, tellTheLiving } from './session-ring.ts'
import { type Made, make, type Prepared, prepare, setUp, takeOver } from './set-up.ts'
import { copyConns, neighbours } from './snapshots.ts'
import { type MappedState, mapState, stateFor } from './state.ts'
import { warm } from './warm.ts'

const start = workerData as WorkerStart
const { config, index, port } = start
const page = new Int32Array(start.page)
const APART_MS = 100
/** Connections do, when this thread ends: with another daemon. */
let goesOn = false

function post(message: FromWorker): void {
  port.postMessage(message)
}

/** ms since 1970. */
const wallMs = () => performance.timeOrigin + performance.now()

/** An engine and all around it: the loop can turn. */
interface Ready extends Made {
  ring: Ring | null
  loop: Loop
}

function main(): void {
  const tell = (text: string) => post({ warning: `[${workerId(index)}] ${text}` })
  ownSchedulersOf(tell, start.inherits ? 'this worker was started again' : '')
  const { follows } = start
  const isCopy = follows !== null
  const state = mapState(start.state, stateFor(config, index, start.sessions !== null), isCopy)
  setClock(state.clock)
  const ahead: { ready?: Ready & Prepared } = {}
  const getReady = (lives: () => boolean) => {
    const isWarm = warm(start, state, lives)
    // On a machine that has much to do that takes seconds, and it goes without.
    if (!lives()) return isWarm
    const prepared = prepare(make(start, state), start, state.recordsEnd())
    ahead.ready = { ...prepared, ...around(prepared) }
    collectGarbage()
    return isWarm
  }
  if (follows && !outlives(follows, port, start.waker, getReady)) return
  const life = start.lives === NO_FD ? undefined : live(start.lives, MAIN_SLOT + 1 + index)
  const began = wallMs()
  const ready = goOnWith(ahead.ready, state)
  const made = ready ?? make(start, state)
  const builtAt = wallMs()
  const { sessions, built, trace } = made
  trace.log(start.debug)
  if (sessions) setSessionClock(sessions, clockMs())
  const end = state.recordsEnd()
  const adopted = ready ? takeOver(ready, start, end) : setUp(made, start, end)
  // Another text may do better.
  ownSchedulersOf(tell)
  // Ports take slots, of which a thread before this one may have had some until it was set up.
  const { ring, loop } = ready ?? around(made)
  confine(ring)
  const times = { began, built: builtAt, ready: wallMs() }
  post({ ready: true, times, ...(adopted && { adopted }) })
  parentPort?.postMessage('runs')
  loop.run()
  if (goesOn && life) leave(life)
  const told = built.engine.sessions
  if (!goesOn && sessions && told) tellTheLiving(told, sessions, clockMs())
}

/** The state is its own from now on. => what was prepared on a copy of it; undefined if there is none, or its words mean others by now */
function goOnWith<T extends Prepared>(prepared: T | undefined, state: MappedState): T | undefined {
  state.share()
  return prepared?.built.engine.addressBook.resume(prepared.words) ? prepared : undefined
}

/** Others go on at once, and need the processors: this thread is taken apart, which takes ms of one, when they have begun. */
function leave(life: Life): void {
  resign(life)
  wait(new Int32Array(0), new Int32Array(0), 0, APART_MS)
}

/** It is the machine that says so, to all of them. */
function warn(warning: string): void {
  if (index === 0) post({ warning })
}

function around(made: Made): Ready {
  const { built, exchange } = made
  const { engine } = built
  const ring = ringIfAllowed(warn)
  const flight = new FlightRing(start.flight, start.flightCells)
  const watch = new Watch(flight, engine, index, config.workers.count)
  const ports = makePorts(engine, ring, watch)
  const hooks = {
    control: () => readMail(built, ports, loop, watch),
    // That of the health checks is in nobody's reach but our own.
    armLost: (arm: number) => arm < config.arms.length && post({ lost: arm }),
    threw: (fault: Fault) => post({ fault }),
  }
  const loop = new Loop({ engine, ports, exchange, waker: start.waker, watch, hooks })
  return { ...made, ring, loop }
}

function confine(ring: Ring | null): void {
  // What comes from outside is read by this thread, with descriptors that it has. Rings may take a right to open.
  giveUpRights()
  // What maps memory or opens anything is done before this.
  ifConfined(() => confineThread(ring), warn)
}

function makePorts(engine: Engine, ring: Ring | null, watch: Watch): Port[] {
  const { frames, counters } = engine
  return engine.arms.map((arm, i) => {
    // The arm of the health checks gets its device when there are some.
    if (i === config.arms.length)
      return ARM_KINDS.tap.newPort(arm, { impair: null, ring: null, watch }, frames, counters)
    const own = config.arms[i] as (typeof config.arms)[0]
    const impair = isImpaired(own.impair) ? new Impair(own.impair, frames) : null
    if (own.vlan) {
      const parent = engine.arms[parentOf(config.arms, own.vlan)] as Arm
      return new VlanPort(arm, parent, own.vlan.id, impair, frames)
    }
    const port = kindOf(own).newPort(arm, { impair, ring, watch }, frames, counters)
    const { fd, reads } = start.queues[i] as (typeof start.queues)[0]
    port.take(fd, reads)
    return port
  })
}

/** Carries out what the control thread has sent; false ends the loop. */
function readMail(built: Built, ports: readonly Port[], loop: Loop, watch: Watch): boolean {
  for (;;) {
    const message = receiveMessageOnPort(port)?.message as ToWorker | undefined
    if (message === undefined) return true
    if (message.do === 'stop') {
      goesOn = message.goOn
      return false
    }
    try {
      obey(message, built, ports, loop, watch)
    } catch (error) {
      loop.broken(error, `carrying out ${message.do}`)
    }
  }
}

function obey(
  message: Exclude<ToWorker, { do: 'stop' }>,
  built: Built,
  ports: readonly Port[],
  loop: Loop,
  watch: Watch,
): void {
  const { engine } = built
  switch (message.do) {
    case 'debug':
      engine.trace.log(message.on)
      return
    case 'lose':
      ports[message.arm]?.lose()
      return
    case 'put':
      carryOut(built, [message.change], watch)
      return
    case 'attach':
      loop.attach(message.arm, message.queue.fd, message.queue.reads)
      return
    case 'check':
      watch.noteCounters(clockMs())
      return
    case 'drain':
      watch.note(FlightKind.STOPPING, clockMs())
      engine.opening.stopping = true
      return
    case 'image':
      postImage(message.id, engine, loop, watch)
      return
    case 'change':
      post({ id: message.id, answer: carryOut(built, message.changes, watch) })
      return
    default:
      post({ id: message.id, answer: answered(engine, message) })
  }
}

/** The engine as it is, and a mark in the journals, if there are any, behind which everything is that comes after it. */
function postImage(id: number, engine: Engine, loop: Loop, watch: Watch): void {
  try {
    const now = clockMs()
    loop.flush()
    watch.settle(now)
    watch.note(FlightKind.IMAGE, now, Int32Array.of(id))
    const image = saveEngine(engine, now)
    const answer = { ok: { mark: id, image } }
    port.postMessage({ id, answer } satisfies FromWorker, buffersOf(image))
  } catch (error) {
    post({ id, answer: { error: `cannot take an image: ${(error as Error).message}` } })
  }
}

/** A step that fails is a mistake of ours, and the ones before it stand. */
function carryOut(built: Built, changes: readonly Change[], watch: Watch): WorkerAnswer {
  try {
    for (const change of changes) {
      const now = clockMs()
      watch.noteJson(FlightKind.CHANGE, now, change)
      applyRunning(built, change, now)
    }
    return { ok: null }
  } catch (error) {
    return { error: `a change failed in worker ${workerId(index)}: ${(error as Error).message}` }
  }
}

/** A listing that goes wrong is an error for the one who asked; packets are not concerned. */
function answered(
  engine: Engine,
  request: Exclude<WorkerRequest, { do: 'change' | 'image' }>,
): WorkerAnswer {
  const arms = config.arms.length
  try {
    switch (request.do) {
      case 'answer':
        return { ok: null }
      case 'neighbours':
        return { ok: neighbours(engine, config, workerId(index)) }
      case 'probe':
        return { ok: probe(engine, request.key, request.from, arms, clockMs()) }
      case 'conns':
        return { ok: copyConns(engine, request.from, page, clockMs(), arms) }
    }
  } catch (error) {
    return { error: `cannot answer ${request.do}: ${(error as Error).message}` }
  }
}

try {
  main()
} catch (error) {
  post({ failed: (error as Error).message })
  throw error
}
