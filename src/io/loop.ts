/**
 * A worker's loop: sleep until an arm, a wake-up or a timer; take in what other workers send; read a burst; judge it;
 * write what it brought forth. Nothing in here waits for anybody else, and control gets its turn only between bursts.
 */

import type { Arm } from '../engine/arm.ts'
import { DONE, Drop, Event, Gauge, HAND_OVER, PARKED } from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import { FlightKind } from '../engine/flight-records.ts'
import { BURST } from '../engine/frames.ts'
import { toldWord } from '../engine/neigh-word.ts'
import type { Vlans } from '../engine/vlan.ts'
import { clockMs } from './clock.ts'
import type { Exchange, Hear } from './exchange.ts'
import { Impair } from './impair.ts'
import { type Fault, Mending } from './mending.ts'
import { drainWaker, POLLIN, wait } from './native.ts'
import { NO_FD, type Port } from './port.ts'
import { VlanPort } from './vlan-port.ts'
import type { Watch } from './watch.ts'

export interface LoopHooks {
  /** Control's turn, after a wake-up; false ends the loop. */
  control(): boolean
  /** The arm of this index was lost. */
  armLost(arm: number): void
  /** Something was thrown, and is mended. */
  threw(fault: Fault): void
}

export interface LoopParts {
  engine: Engine
  /** One for each arm of the engine, in their order. */
  ports: readonly Port[]
  /** null when there is one worker. */
  exchange: Exchange | null
  /** Descriptor of the eventfd that wakes this thread. */
  waker: number
  watch: Watch
  hooks: LoopHooks
}

/** ms to the next turn of timers that have broken off. */
const TICK_AGAIN_MS = 10

export class Loop {
  readonly #engine: Engine
  readonly #ports: readonly Port[]
  /** Those that write by another's device. */
  readonly #subs: readonly Port[]
  readonly #exchange: Exchange | null
  readonly #waker: number
  readonly #watch: Watch
  readonly #hooks: LoopHooks
  readonly #mending: Mending
  readonly #fds: Int32Array
  readonly #revents: Int32Array
  /** The arm of each frame of a burst, of which some share a device. */
  readonly #owners = new Int32Array(BURST)
  #now = 0
  readonly #wasUp: boolean[]
  /** Has had a device: the arm of the health checks gets one only when it is needed. */
  readonly #hadDevice: boolean[]
  readonly #hear: Hear = (link, address, macHi, macLo, solicited) => {
    const word = toldWord(this.#engine, link, address)
    if (this.#watch.journal) {
      const said = Int32Array.of(link, word, macHi, macLo, solicited ? 1 : 0)
      this.#watch.note(FlightKind.HEARD, this.#now, said)
    }
    this.#engine.neighs.hear(link, word, macHi, macLo, solicited, this.#now)
  }
  readonly #judgeForeign = (arm: number, slot: number) => this.#judge(this.#ports[arm], slot)

  constructor({ engine, ports, exchange, waker, watch, hooks }: LoopParts) {
    this.#engine = engine
    this.#ports = ports
    this.#subs = ports.filter(port => port instanceof VlanPort)
    this.#exchange = exchange
    this.#waker = waker
    this.#watch = watch
    this.#hooks = hooks
    this.#mending = new Mending({ engine, ports, exchange, watch, tell: hooks.threw })
    this.#fds = new Int32Array(ports.length + 1)
    this.#revents = new Int32Array(ports.length + 1)
    this.#wasUp = ports.map(({ fd }) => fd !== NO_FD)
    this.#hadDevice = [...this.#wasUp]
  }

  /** Runs until control() says no. */
  run(): void {
    this.#now = clockMs()
    if (this.#isFirst) for (const { arm, fd } of this.#ports) if (fd !== NO_FD) this.#announce(arm)
    while (this.#turn()) {}
  }

  /** Control has a queue of the arm's device for us, which had gone or is new. */
  attach(arm: number, fd: number, reads: boolean): void {
    const port = this.#ports[arm]
    port.take(fd, reads)
    this.#wasUp[arm] = true
    const isBack = this.#hadDevice[arm]
    this.#hadDevice[arm] = true
    if (!this.#isFirst) return
    if (isBack) this.#engine.counters.count(Event.ARM_REATTACHED)
    this.#announce(port.arm)
  }

  #announce(arm: Arm): void {
    this.#watch.note(FlightKind.ANNOUNCE, this.#now, Int32Array.of(arm.index))
    this.#engine.announce(arm)
    for (const sub of arm.vlans?.arms ?? []) this.#announce(this.#engine.arms[sub])
  }

  /** One worker speaks for all. */
  get #isFirst(): boolean {
    return (this.#exchange?.self ?? 0) === 0
  }

  /** One sleep and what it was interrupted for. */
  #turn(): boolean {
    const ports = this.#ports
    const sleep = this.#beforeSleep()
    for (let i = 0; i < ports.length; i++) this.#fds[i] = ports[i].reads ? ports[i].fd : NO_FD
    this.#fds[ports.length] = this.#waker
    wait(this.#fds, this.#revents, ports.length + 1, sleep)
    this.#now = clockMs()
    this.#engine.turn(this.#now)
    if (this.#watch.on) this.#watch.begin(this.#now)
    this.#exchange?.awake()
    this.#receive()
    for (let i = 0; i < ports.length; i++) {
      if ((this.#revents[i] & POLLIN) !== 0) this.#pump(ports[i])
      else if (this.#revents[i] !== 0) ports[i].lose()
    }
    if (this.#revents[ports.length] === 0) return true
    drainWaker(this.#waker)
    return this.#hooks.control()
  }

  /** Before the arms are read: what another worker read of a flow is older than what waits in our queue. */
  #receive(): void {
    if (this.#exchange === null) return
    this.#exchange.receive(this.#engine.frames, this.#judgeForeign, this.#hear)
    this.flush()
  }

  /** Timers, lost arms and held frames; => ms to sleep at most. */
  #beforeSleep(): number {
    this.#watch.note(FlightKind.TICK, this.#now)
    let sleep = this.#tick()
    for (const port of this.#ports) {
      if (!port.impair?.holding) continue
      port.impair.release(this.#now, slot => this.#judge(port, slot))
      sleep = Math.min(sleep, Impair.holdMs)
    }
    this.flush()
    if (this.#mending.isDue) {
      this.#mending.mend(this.#now)
      this.flush()
    }
    this.#watchArms()
    this.#gauge()
    this.#watch.settle(this.#now)
    return this.#exchange?.maySleep() === false ? 0 : sleep
  }

  /** What control has asked for was broken off. */
  broken(error: unknown, doing: string): void {
    this.#mending.other(error, doing)
  }

  /** => ms to sleep at most */
  #tick(): number {
    try {
      return this.#engine.tick(this.#now)
    } catch (error) {
      this.#mending.other(error, 'turning the timers')
      return TICK_AGAIN_MS
    }
  }

  /** What is at present, for those who read it without asking. */
  #gauge(): void {
    const { conns, counters, frames, trace } = this.#engine
    let free = frames.free
    for (const port of this.#ports) free += port.ready
    counters.gauges[Gauge.CONNS_USED] = conns.table.used
    counters.gauges[Gauge.FRAMES_FREE] = free
    counters.gauges[Gauge.TRACE_LOST] = trace.lost
    counters.gauges[Gauge.TURNS]++
  }

  /** Reads an arm until it is empty or has had its turn: one that floods still lets the other have every second one. */
  #pump(port: Port): void {
    // Long frames come in several short bursts; a poll between them would cost a tenth of bulk.
    for (let frames = 0; frames < BURST; ) {
      frames += this.#burst(port)
      if (port.emptied) return
    }
  }

  /** => Frames read */
  #burst(port: Port): number {
    const count = port.read()
    for (let i = 0; i < count; i++) {
      this.#engine.counters.rx(port.arm.index, this.#engine.frames.length[port.slots[i]])
    }
    const { vlans } = port.arm
    // Whoever reads ahead knows no tags.
    if (vlans !== null) this.#untag(port, vlans, count)
    this.#engine.expect(port.slots, count)
    if (vlans !== null) for (let i = 0; i < count; i++) this.#sort(port.slots[i], this.#owners[i])
    else if (port.impair === null) for (let i = 0; i < count; i++) this.#judge(port, port.slots[i])
    else for (let i = 0; i < count; i++) this.#impair(port, port.slots[i])
    this.flush()
    port.refill(count)
    return count
  }

  /** Lets the engine judge the frame and carries the verdict out. */
  #judge(port: Port, slot: number): void {
    const { frames, counters, arms } = this.#engine
    try {
      const verdict = this.#watch.on
        ? this.#watch.input(port.arm, slot, this.#now)
        : this.#engine.input(port.arm, slot, this.#now)
      if (verdict >= 0) {
        arms[verdict].send(slot)
        return
      }
      if (verdict === PARKED) return
      if (verdict <= HAND_OVER) {
        this.#exchange?.handOver(this.#engine, HAND_OVER - verdict, port.arm.index, slot)
        return
      }
      if (verdict !== DONE) counters.rxDrop(port.arm.index, -verdict, slot)
      frames.release(slot)
    } catch (error) {
      this.#mending.frame(error, port.arm.index, slot)
    }
  }

  /** Finds the arms of a burst of a device that several share. */
  #untag(reader: Port, vlans: Vlans, count: number): void {
    const { frames, counters } = this.#engine
    for (let i = 0; i < count; i++) {
      const slot = reader.slots[i]
      const arm = vlans.armOf(frames, slot)
      if (arm !== reader.arm.index) counters.rx(arm, frames.length[slot])
      this.#owners[i] = arm
    }
  }

  /** A frame of one of the arms that share a device. */
  #sort(slot: number, arm: number): void {
    const port = this.#ports[arm]
    if (port.impair === null) this.#judge(port, slot)
    else this.#impair(port, slot)
  }

  #impair(port: Port, slot: number): void {
    port.impair?.frame(
      slot,
      this.#now,
      passed => this.#judge(port, passed),
      lost => {
        this.#engine.counters.rxDrop(port.arm.index, Drop.IMPAIRED, lost)
        if (this.#watch.on) this.#watch.refused(port.arm, lost, Drop.IMPAIRED)
        this.#engine.frames.release(lost)
      },
    )
  }

  /** Writes what waits to leave. */
  flush(): void {
    for (const port of this.#subs) port.flush()
    for (const port of this.#ports) port.flush()
    this.#exchange?.flush(this.#engine.frames)
  }

  /** Reports an arm that has gone, once. */
  #watchArms(): void {
    for (let i = 0; i < this.#ports.length; i++) {
      if (this.#ports[i].fd !== NO_FD || !this.#wasUp[i]) continue
      this.#wasUp[i] = false
      this.#hooks.armLost(i)
    }
  }
}
