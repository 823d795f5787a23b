/**
 * A bare engine on real TAPs, turned by this thread's timer instead of a worker's loop, so that a test can talk to it from
 * the same process. The seed's two arms, the internal one a TAP in namespace `netns`, and a check arm.
 */

import { parseConfig } from '../../src/config/config.ts'
import { buildEngine } from '../../src/control/threads/build.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { NO_HASHING } from '../../src/engine/asker.ts'
import { ArmCell, DONE, Drop, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { Stat } from '../../src/engine/service.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { clockMs } from '../../src/io/clock.ts'
import { closeFd, openTap, QUEUE_MULTI } from '../../src/io/native.ts'
import { NO_FD } from '../../src/io/port.ts'
import { TapPort } from '../../src/io/tap-port.ts'
import { PROTO } from '../../src/wire/ipv4.ts'
import { SEED_CONFIG } from './stand.ts'

export class EngineOnTaps {
  readonly engine: Engine
  readonly #taps: TapPort[]
  /** The last place given to an RS; 0 is the real service's. */
  #places = 0
  readonly #timer: NodeJS.Timeout

  constructor(netns: string, checkArm: (index: number, slots: number) => Arm, checkFd: number) {
    const config = parseConfig(SEED_CONFIG, 'engine-on-taps.yaml')
    this.engine = buildEngine(config, {
      trace: new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(64)), 64),
      isn: new KeyedIsn(Int32Array.of(1, 2, 3, 4)),
      seed: 7,
      now: clockMs(),
      checkArm,
    })
    const { arms, frames, counters } = this.engine
    this.#taps = arms.map(arm => new TapPort(arm, { impair: null, ring: null }, frames, counters))
    this.#taps[1].take(openTap('int0', `/run/netns/${netns}`, QUEUE_MULTI), true)
    this.#taps[2].take(checkFd, true)
    this.#timer = setInterval(() => this.#turn(), 1)
  }

  /** A service that only the check arm has, with one RS. */
  hidden(address: number, port: number, rip: number, rport: number): void {
    const { setup } = this.engine
    const options = {
      scheduler: 'rr',
      hashing: NO_HASHING,
      lips: [0],
      establishedMs: 0,
      reject: false,
      onePacket: false,
      persistenceMs: 0,
      clientPrefix: 32,
      onlyArm: 2,
    } as const
    const service = setup.putService(PROTO.TCP, address, port, options)
    const rs = { index: ++this.#places, rip, rport, weight: 1, upper: -1, lower: 0, backup: false }
    setup.putRs(service, rs, clockMs())
  }

  stat(dest: number): { conns: number } {
    return { conns: this.engine.dests.stat(dest, Stat.CONNS) }
  }

  drops(reason: keyof typeof Drop): number {
    return this.engine.counters.events[Drop[reason]]
  }

  /** Frames read from the arm and refused. */
  dropsOf(arm: number): number {
    return this.engine.counters.armCell(arm, ArmCell.RX_DROPS)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { fd } of this.#taps) if (fd !== NO_FD) closeFd(fd)
  }

  #turn(): void {
    const { engine } = this
    const now = clockMs()
    engine.tick(now)
    for (const tap of this.#taps) {
      if (tap.fd === NO_FD) continue
      const count = tap.read()
      for (let i = 0; i < count; i++) this.#judge(tap.arm, tap.slots[i], now)
      for (const other of this.#taps) other.flush()
      tap.refill(count)
    }
  }

  #judge(arm: Arm, slot: number, now: number): void {
    const { arms, frames, counters } = this.engine
    const verdict = this.engine.input(arm, slot, now)
    if (verdict >= 0) arms[verdict].send(slot)
    else if (verdict !== PARKED) {
      if (verdict !== DONE) counters.rxDrop(arm.index, -verdict, slot)
      frames.release(slot)
    }
  }
}
