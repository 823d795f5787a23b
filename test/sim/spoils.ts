/** Engines that are spoilt, each in a way that one rule of mixed worlds is there for. */

import { CELL, KEY, RECORD } from '../../src/engine/conn-layout.ts'
import { DONE, Drop } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { UdpState } from '../../src/engine/udp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { UDP_SERVICES, VIP } from './config.ts'
import { readUdp } from './ip.ts'
import {
  bodySum,
  fault,
  folded,
  get16,
  IP_AT,
  ipHeader,
  isFragment,
  put16,
  put32,
  putMac,
  sum,
} from './packet.ts'
import { Icmp } from './quote.ts'
import type { Spoil } from './shrink.ts'
import type { World } from './world.ts'

const L4 = IP_AT + 20

/** Does something to a connection of UDP that its RS has answered, when there is one. */
const ofEntry = (what: (engine: Engine, conn: number) => void): Spoil => {
  return world => {
    const look = () => {
      for (const engine of world.appliance.engines) {
        const { table } = engine.conns
        for (let c = table.nextUsed(0, 4096); c >= 0; c = table.nextUsed(c + 1, 4096)) {
          if (table.protocol(c) !== KEY.UDP || table.state(c) !== UdpState.NORMAL) continue
          return void what(engine, c)
        }
      }
      world.events.after(20, look)
    }
    look()
  }
}

/** Sees each frame that an engine has judged, and may change it, or the verdict. */
export const ofFrames = (
  what: (bytes: Uint8Array, verdict: number, world: World) => number,
): Spoil => {
  return world => {
    for (const engine of world.appliance.engines) {
      const judge = engine.input.bind(engine)
      engine.input = (arm, slot, now) => {
        const verdict = judge(arm, slot, now)
        const { start, length, bytes } = engine.frames
        const from = start[slot] as number
        return what(bytes.subarray(from, from + (length[slot] as number)), verdict, world)
      }
    }
  }
}

/** The same of those that go on, are IP and whole. */
export const ofSent = (
  protocol: number,
  what: (bytes: Uint8Array, verdict: number, world: World) => number,
): Spoil => {
  return ofFrames((bytes, verdict, world) => {
    if (verdict < 0 || get16(bytes, 22) !== 0x0800 || isFragment(bytes)) return verdict
    if (bytes[IP_AT + 9] !== protocol || fault(bytes) !== undefined) return verdict
    return what(bytes, verdict, world)
  })
}

/** Checksums that are right again. */
export function resum(bytes: Uint8Array): void {
  const header = ipHeader(bytes)
  put16(bytes, IP_AT + 10, 0)
  put16(bytes, IP_AT + 10, ~folded(sum(bytes, IP_AT, IP_AT + header)))
  const at = IP_AT + header
  const field = at + (bytes[IP_AT + 9] === 1 ? 2 : 6)
  put16(bytes, field, 0)
  if (bytes[IP_AT + 9] === 1) put16(bytes, field, ~folded(sum(bytes, at, bytes.length)))
  else put16(bytes, field, ~bodySum(bytes) & 0xffff || 0xffff)
}

function toAnother(bytes: Uint8Array, verdict: number, { clients, plan }: World): number {
  if (verdict !== 0) return verdict
  const { dst, dport } = readUdp(bytes) as Exclude<ReturnType<typeof readUdp>, string>
  for (const { host, port } of plan.mixed?.askers ?? []) {
    const client = clients[host]
    const address = client?.addresses[0] as number
    if (client === undefined || client.stack?.ports.has(port) !== true) continue
    if (address === dst && port === dport) continue
    putMac(bytes, 10, client.mac)
    put32(bytes, IP_AT + 16, address)
    put16(bytes, L4 + 2, port)
    resum(bytes)
    break
  }
  return verdict
}

/** By what is done; the rule that must find it, and the seed of a world in which it does. */
export const SPOILS: Record<string, [Spoil, string, number]> = {
  'an answer that goes to another client': [ofSent(17, toAnother), 'bytes', 10],
  'an entry of UDP that is forgotten': [
    ofEntry(({ conns }, conn) => conns.cut(conn, 0)),
    'dropped',
    2,
  ],
  'an error that keeps an entry': [
    world => {
      for (const { icmp, conns } of world.appliance.engines) {
        const quoted = icmp.quoted.bind(icmp)
        icmp.quoted = (slot, p, t, arm, now) => {
          if (t >= 0) conns.table.cells[RECORD.of(t) | CELL.DEADLINE]++
          return quoted(slot, p, t, arm, now)
        }
      }
    },
    'icmp',
    2,
  ],
  'an error whose quote is of another port': [
    ofSent(1, (bytes, verdict) => {
      if (bytes[L4] === Icmp.ECHO_REPLY) return verdict
      put16(bytes, L4 + 28, get16(bytes, L4 + 28) + 1)
      resum(bytes)
      return verdict
    }),
    'quote',
    16,
  ],
  'an error that shows its router': [
    ofSent(1, (bytes, verdict) => {
      if (bytes[L4] === Icmp.ECHO_REPLY) return verdict
      put32(bytes, IP_AT + 12, ipv4Int('10.9.9.9'))
      resum(bytes)
      return verdict
    }),
    'quote',
    2,
  ],
  'a forged error that is believed': [
    ofFrames((_, verdict) => (verdict === -Drop.ICMP_NO_CONN ? DONE : verdict)),
    'named',
    2,
  ],
  'a narrow path of which nobody tells': [
    ofFrames((bytes, verdict) => {
      const isError = verdict >= 0 && bytes[IP_AT + 9] === 1 && bytes[L4] === Icmp.UNREACHABLE
      return isError ? -Drop.IP_TOO_BIG : verdict
    }),
    'ended',
    5,
  ],
  'frames that are larger than their arm': [
    ({ appliance }) => {
      for (const { arms } of appliance.engines) for (const arm of arms) arm.mtu = 9000
    },
    'mtu',
    1,
  ],
  'a fragment that is refused': [
    ofFrames((bytes, verdict) => {
      const isWhole = get16(bytes, 22) !== 0x0800 || !isFragment(bytes)
      return isWhole || verdict !== DONE ? verdict : -Drop.FRAGMENT_OVERLAP
    }),
    'fragments',
    2,
  ],
  'UOA with the address of another': [
    ofFrames((bytes, verdict) => {
      if (verdict < 0 || bytes[IP_AT + 9] !== 248) return verdict
      put16(bytes, IP_AT + 20 + 4 + 2, 4711)
      return verdict
    }),
    'uoa',
    10,
  ],
  'UOA that is left out': [
    ({ appliance }) => {
      for (const { conns } of appliance.engines) {
        const open = conns.open.bind(conns)
        conns.open = (p, service, arm, now) => {
          const t = open(p, service, arm, now)
          if (t >= 0 && p.key === KEY.UDP) conns.table.cells[RECORD.of(t) | CELL.UOA_SENT] = 9
          return t
        }
      }
    },
    'uoa',
    10,
  ],
  'a ping with other bytes': [
    ofSent(1, (bytes, verdict) => {
      if (bytes[L4] !== Icmp.ECHO_REPLY || bytes.length < L4 + 12) return verdict
      bytes[L4 + 9] = (bytes[L4 + 9] as number) ^ 1
      resum(bytes)
      return verdict
    }),
    'bytes',
    2,
  ],
  'a ping without an answer': [
    ofFrames((bytes, verdict) => {
      return verdict >= 0 && bytes[IP_AT + 9] === 1 && bytes[L4] === Icmp.ECHO_REPLY
        ? DONE
        : verdict
    }),
    'ended',
    2,
  ],
  'single datagrams that leave an entry': [
    ({ appliance }) => {
      for (const { setup } of appliance.engines) {
        const one = setup.services.find(17, ipv4Int(VIP), UDP_SERVICES[1].vport)
        if (one) Object.assign(one, { onePacket: false })
      }
    },
    'named',
    6,
  ],
}
