/** Errors of ICMP that somebody makes up about a connection that there is, each with the name by which it must be refused. */

import { CELL, KEY, RECORD } from '../../src/engine/conn-layout.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { LIPS, VIP } from './config.ts'
import { icmpFrame, type Way } from './ip.ts'
import type { Forged, Forgery } from './mixed-plan.ts'
import { frame, get16, IP_AT, put16, put32, putIp } from './packet.ts'
import { Code, errorAbout, Icmp } from './quote.ts'
import type { World } from './world.ts'

/** A connection as its RS sees it. */
interface Known {
  protocol: number
  rip: number
  lip: number
  ports: number
  /** What the RS has acknowledged. */
  acked: number
}

export interface Forgeries {
  arm: number
  bytes: Uint8Array
  expected: string
}

/** Further than any window (semantics 4.5). */
const FAR = 1 << 25
const GROUP = ipv4Int('224.0.0.9')
const HOST = ipv4Int('192.168.168.99')
const CLIENT_HOST = ipv4Int('202.108.10.99')
const RS_MAC = 0x5254_0000_0777

const EXPECTED: Record<Forgery, string> = {
  sequence: 'ICMP_SEQUENCE',
  side: 'IP_SOURCE',
  group: 'IP_SOURCE',
  ours: 'IP_SOURCE',
  checksum: 'ICMP_CHECKSUM',
  'later fragment': 'ICMP_QUOTE',
  short: 'ICMP_QUOTE',
  'other source': 'ICMP_QUOTE',
  redirect: 'ICMP_TYPE',
  stranger: 'ICMP_NO_CONN',
  stale: 'ICMP_NO_CONN',
}

export class Forger {
  readonly #world: World
  readonly #macs: readonly number[]
  readonly #lip = ipv4Int(LIPS[0])
  readonly #past: Known[] = []

  constructor(world: World, macs: readonly number[]) {
    this.#world = world
    this.#macs = macs
  }

  /** => the error, or undefined if there is nothing that it could be about */
  make({ how, pick }: Forged): Forgeries | undefined {
    const all = this.#connections()
    const known = how === 'stale' ? this.#gone(all) : all[pick % all.length]
    if (known === undefined) return undefined
    this.#past.push(known)
    if (how === 'sequence' && known.protocol !== KEY.TCP) return undefined
    // One below all lports.
    const about =
      how === 'stranger' ? { ...known, ports: (known.ports & 0xffff) | (77 << 16) } : known
    return { ...this.#about(about, how), expected: EXPECTED[how] }
  }

  /** Those of the LIP that stays. */
  #connections(): Known[] {
    const all: Known[] = []
    for (const { conns } of this.#world.appliance.engines) {
      const { table } = conns
      for (let c = table.nextUsed(0, 4096); c >= 0; c = table.nextUsed(c + 1, 4096)) {
        const cell = (index: number) => table.cells[RECORD.at(c) | index] as number
        if (cell(CELL.LIP) !== this.#lip) continue
        const ports = cell(CELL.RS_PORTS)
        all.push({
          protocol: table.protocol(c),
          rip: cell(CELL.RIP),
          lip: this.#lip,
          ports: (ports << 16) | (ports >>> 16),
          acked: cell(CELL.RST_ACK),
        })
      }
    }
    return all
  }

  /** One that was there, and is no more. */
  #gone(all: readonly Known[]): Known | undefined {
    const isThere = (known: Known) =>
      all.some(({ rip, ports, protocol }) => {
        return rip === known.rip && ports === known.ports && protocol === known.protocol
      })
    return this.#past.find(known => !isThere(known))
  }

  #about(known: Known, how: Forgery): { arm: number; bytes: Uint8Array } {
    const quoted = quote(known, how)
    const arm = how === 'side' ? 0 : 1
    const src =
      how === 'group' ? GROUP : how === 'ours' ? ipv4Int(VIP) : arm === 0 ? CLIENT_HOST : HOST
    const way = { dstMac: this.#macs[arm] as number, srcMac: RS_MAC, src, dst: known.lip }
    const what =
      how === 'redirect' ? ([Icmp.REDIRECT, 1] as const) : ([Icmp.UNREACHABLE, Code.HOST] as const)
    const bytes = errorAbout(quoted, way, what, 0, 48)
    return {
      arm,
      bytes: how === 'short' ? cut(bytes, way) : how === 'checksum' ? spoilt(bytes) : bytes,
    }
  }
}

/** A frame whose packet is as if it had gone to the RS. */
function quote({ protocol, rip, lip, ports, acked }: Known, how: Forgery): Uint8Array {
  const out = frame(0, 0, 0x0800, 40)
  put32(out, IP_AT + 20, ports)
  if (protocol === KEY.TCP) put32(out, IP_AT + 24, how === 'sequence' ? acked + FAR : acked)
  else put16(out, IP_AT + 24, 20)
  putIp(out, how === 'other source' ? lip + 1 : lip, rip, protocol === KEY.TCP ? 6 : 17)
  // Nobody sums what an error quotes before it is refused for this.
  if (how === 'later fragment') put16(out, IP_AT + 6, 5)
  return out
}

/** Four bytes behind the quoted header are no ports and no number. */
function cut(bytes: Uint8Array, way: Way): Uint8Array {
  const message = bytes.slice(IP_AT + 20, IP_AT + 20 + 8 + 24)
  put16(message, 2, 0)
  return icmpFrame(way, message, { id: 7, df: false, ttl: 64 })
}

function spoilt(bytes: Uint8Array): Uint8Array {
  put16(bytes, IP_AT + 22, get16(bytes, IP_AT + 22) ^ 0x0100)
  return bytes
}
