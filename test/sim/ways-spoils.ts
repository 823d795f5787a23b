/** Engines that are spoilt, as those of spoils.ts, for rules as they are held against ways and families of their own. */

import { KEY, PROTOCOL_BITS } from '../../src/engine/conn-layout.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Host } from './host.ts'
import { folded, get16, get32, IP_AT, put16, put32, putMac, sum, UOA_PROTOCOL } from './packet.ts'
import type { Spoil } from './shrink.ts'
import { isSix } from './six.ts'
import { SIX } from './six-packet.ts'
import { ofFrames, ofSent, resum } from './spoils.ts'
import type { WayName } from './ways.ts'
import type { World } from './world.ts'

const L4 = IP_AT + 20
const L4_OF_SIX = IP_AT + SIX

/** Forgets the first connection of this protocol, 100 ms after it is there. */
const forgetting = (protocol: number): Spoil => {
  const first = ({ conns: { table } }: Engine) => {
    for (let c = table.nextUsed(0, 4096); c >= 0; c = table.nextUsed(c + 1, 4096)) {
      if ((table.protocol(c) & PROTOCOL_BITS) === protocol) return c
    }
    return -1
  }
  return world => {
    const look = () => {
      const engine = world.appliance.engines.find(engine => first(engine) >= 0)
      if (engine === undefined) world.events.after(20, look)
      else world.events.after(100, () => engine.conns.cut(Math.max(0, first(engine)), 0))
    }
    look()
  }
}

/** Sees what goes on over IPv6 with this next header. */
const ofSix = (next: number, what: (bytes: Uint8Array, verdict: number) => void): Spoil =>
  ofFrames((bytes, verdict) => {
    if (verdict >= 0 && isSix(bytes) && bytes[IP_AT + 6] === next) what(bytes, verdict)
    return verdict
  })

/** An answer goes to another host inside, who has asked too. */
function toAnother(bytes: Uint8Array, verdict: number, { rss, plan }: World): number {
  if (verdict !== 1) return verdict
  for (const { host, port } of plan.mixed?.askers ?? []) {
    const { mac, addresses, stack } = rss[host] as Host
    const [address = 0] = addresses
    if (get32(bytes, IP_AT + 16) === address || stack?.ports.has(port) !== true) continue
    putMac(bytes, 10, mac)
    put32(bytes, IP_AT + 16, address)
    put16(bytes, L4 + 2, port)
    resum(bytes)
    break
  }
  return verdict
}

/** By what is done: how, in the world of which way and seed, and the rules of which one must find it. */
export const WAYS_SPOILS: Record<string, [Spoil, WayName, number, string]> = {
  'a client whom an RS sees by another port': [
    ofSent(17, (bytes, verdict) => {
      if (verdict !== 1) return verdict
      put16(bytes, L4, get16(bytes, L4) + 1)
      resum(bytes)
      return verdict
    }),
    'nat',
    1,
    'client',
  ],
  'a checksum that is wrong over IPv6': [
    ofSix(17, (bytes, verdict) => {
      if (verdict === 0) put16(bytes, L4_OF_SIX + 6, get16(bytes, L4_OF_SIX + 6) ^ 0x0100)
    }),
    'nat64',
    1,
    'sums',
  ],
  'UOA with the address of another over IPv6': [
    ofSix(UOA_PROTOCOL, bytes => put16(bytes, L4_OF_SIX + 22, 4711)),
    'ipv6',
    10,
    'uoa',
  ],
  'UOA in front of a checksum that is wrong': [
    ofSix(UOA_PROTOCOL, bytes =>
      put16(bytes, L4_OF_SIX + 30, get16(bytes, L4_OF_SIX + 30) ^ 0x0100),
    ),
    'ipv6',
    11,
    'sums',
  ],
  'a tunnel to another': [
    ofSent(4, (bytes, verdict) => {
      put16(bytes, IP_AT + 18, 4711)
      put16(bytes, IP_AT + 10, 0)
      put16(bytes, IP_AT + 10, ~folded(sum(bytes, IP_AT, L4)))
      return verdict
    }),
    'tunnel',
    1,
    'ended',
  ],
  'an answer that goes to another host inside': [ofSent(17, toAnother), 'snat', 6, 'bytes'],
  'a datagram by DR whose entry is forgotten': [forgetting(KEY.UDP), 'dr', 2, 'dropped'],
  'a connection by DR that is forgotten': [forgetting(KEY.TCP), 'dr6', 2, 'dropped'],
  'an entry in a tunnel over IPv6 that is forgotten': [
    forgetting(KEY.UDP),
    'tunnel6',
    2,
    'dropped',
  ],
  'an entry of a host inside over IPv6 that is forgotten': [
    forgetting(KEY.UDP),
    'snat6',
    1,
    'dropped',
  ],
  'frames of IPv6 that are larger than their arm': [
    ({ appliance }) => {
      for (const { arms } of appliance.engines) for (const arm of arms) arm.mtu = 9000
    },
    'nat6',
    1,
    'mtu',
  ],
}
