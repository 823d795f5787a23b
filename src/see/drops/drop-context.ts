/** What a refused frame is explained from: the frame itself, and what the daemon has set up. All as the API tells it. */

import type {
  AddressInfo,
  ArmInfo,
  LocalAddressInfo,
  RealServerInfo,
  RouteInfo,
  ServiceInfo,
} from '../../api/commands.ts'
import {
  endpointText,
  hostText,
  inIpPrefix,
  ipAddress,
  parseIpPrefix,
} from '../../wire/ip-address.ts'
import { GSO, VNET, VNET_FLAG } from '../../wire/vnet-hdr.ts'
import { connPorts, echoOf } from '../frame/echo.ts'
import { type HeaderValues, headerValues } from '../frame/header-values.ts'
import { isOneWay } from '../words/forwarding.ts'
import { matchServiceOf } from '../words/match-service.ts'

type Rs = Pick<
  RealServerInfo,
  | 'address'
  | 'port'
  | 'weight'
  | 'upper_threshold'
  | 'active_conns'
  | 'inactive_conns'
  | 'inhibited'
  | 'backup'
> & {
  /** Left out: FullNAT. */
  forwarding?: RealServerInfo['forwarding']
}

export interface DropContext {
  arms: readonly Pick<ArmInfo, 'name' | 'kind' | 'mac' | 'mtu' | 'up'>[]
  addresses: readonly Omit<AddressInfo, 'lports_of_workers'>[]
  routes: readonly Omit<RouteInfo, 'mtu'>[]
  services: readonly (Pick<ServiceInfo, 'protocol' | 'address' | 'port'> & {
    /** Left out: one that does not hash. */
    scheduler?: ServiceInfo['scheduler']
    hash_fallback?: boolean
    local_addresses: readonly Pick<LocalAddressInfo, 'address'>[]
    real_servers: readonly Rs[]
  })[]
  conns: { used: number; capacity: number }
  settings: {
    xmitTtl: boolean
    bareAck: string
    unresQueueLength: number
    /** Share of frames that an arm loses on purpose, as the config says it, `1%`. */
    loss: Readonly<Record<string, string>>
  }
}

/** Of those the ones with criteria in place of an address. */
export type MatchService = DropContext['services'][number]

/** The virtio-net header's fields. */
export interface Vnet {
  partial: boolean
  gsoType: number
  gsoSize: number
  csumStart: number
  csumOffset: number
}

/** A frame that was refused, as far as it was kept. */
export interface RefusedFrame {
  arm: string | null
  bytes: Uint8Array
  vnet: Uint8Array
  length: number
  /** False if its Ethernet header was made up; left out, it is its own. */
  hasLink?: boolean
}

/** A refused frame, ready to be judged again. */
export class Refused {
  readonly headers: HeaderValues
  readonly vnet: Vnet
  readonly bytes: Uint8Array
  readonly length: number
  /** Name; `no arm` of a frame of our own that never came to one. */
  readonly arm: string
  readonly context: DropContext

  readonly #hasLink: boolean

  /** `bytes` are the frame's first ones from the Ethernet header on, `vnet` those in front. */
  constructor(frame: RefusedFrame, context: DropContext) {
    this.#hasLink = frame.hasLink ?? true
    this.bytes = frame.bytes
    this.length = frame.length
    this.headers = headerValues(frame.bytes, frame.length)
    this.vnet = vnetOf(frame.vnet)
    this.arm = frame.arm ?? 'no arm'
    this.context = context
  }

  /** Bytes behind the Ethernet header. */
  get behindEthernet(): number {
    return this.length - 14
  }

  get armMac(): string {
    return this.context.arms.find(({ name }) => name === this.arm)?.mac ?? 'unknown'
  }

  /** Its arm is a NIC, which is the host's as well. */
  get isOfNic(): boolean {
    return this.context.arms.find(({ name }) => name === this.arm)?.kind === 'nic'
  }

  /** Of a frame without a link the MACs are made up, and not said. */
  get srcMac(): string {
    return this.#hasLink ? (this.headers.eth?.src ?? '?') : 'an unknown MAC'
  }

  get dstMac(): string {
    return this.headers.eth?.dst ?? '?'
  }

  get arp(): { sender: string; senderMac: string; target: string } {
    return this.headers.arp ?? { sender: '?', senderMac: '?', target: '?' }
  }

  get src(): string {
    return this.headers.ip?.src ?? '?'
  }

  get dst(): string {
    return this.headers.ip?.dst ?? '?'
  }

  /** address:port of the sender and of the receiver; of a ping its identifier is a port. */
  get from(): string {
    return `${hostText(this.src)}:${connPorts(this.headers)?.sport ?? '?'}`
  }

  get to(): string {
    return `${hostText(this.dst)}:${connPorts(this.headers)?.dport ?? '?'}`
  }

  /** Who sends it to whom, with ports where it has any: TCP and UDP, other IP, ARP, or neither. */
  get ends(): string {
    const { arp, ip, ports } = this.headers
    if (ports !== null) return `${this.from} > ${this.to}`
    if (ip !== null) return `${ip.src} > ${ip.dst}`
    if (arp !== null) return `${arp.sender} > ${arp.target}`
    return `${this.srcMac} > ${this.dstMac}`
  }

  get service(): DropContext['services'][number] | undefined {
    return this.#serviceAt(this.to)
  }

  /** The match service that takes it, as it is for no other one. */
  get match(): MatchService | undefined {
    const { ip } = this.headers
    if (ip === null || this.service !== undefined) return undefined
    return matchServiceOf(this.context.services, {
      protocol: this.#protocol,
      source: ipAddress(ip.src),
      destination: ipAddress(ip.dst),
      in: this.arm,
      out: this.armTowards(ip.dst),
    })
  }

  get #protocol(): string {
    if (echoOf(this.headers) !== null) return 'icmp'
    return this.headers.udp === null ? 'tcp' : 'udp'
  }

  /** It comes from where a service is that has real servers who answer past here. */
  get isPast(): boolean {
    const service = this.#serviceAt(this.from)
    return service?.real_servers.some(({ forwarding }) => isOneWay(forwarding)) ?? false
  }

  /** `our own VIP`, `our own LIP on int0`, or undefined if the address is none of ours. */
  ours(address: string): string | undefined {
    const own = this.context.addresses.find(other => other.address === address)
    if (own === undefined) return undefined
    if (own.lports !== undefined) return `our own LIP on ${own.arm}`
    const vip = this.context.services.some(service => service.address === address)
    return `our own ${vip ? 'VIP' : 'address'} on ${own.arm}`
  }

  isLip(address: string): boolean {
    return this.context.addresses.some(own => own.address === address && own.lports !== undefined)
  }

  /** What an arm has, in one list. */
  addressesOf(arm: string): string {
    const own = this.context.addresses.filter(address => address.arm === arm)
    return listed(own.map(({ address }) => address))
  }

  /** The arm that the longest route to an address leads out of. */
  armTowards(address: string): string | undefined {
    return this.#routeTo(address)?.arm
  }

  /** Who has to be found by ARP to reach an address. */
  nextHop(address: string): string {
    return this.#routeTo(address)?.via ?? address
  }

  #serviceAt(end: string): DropContext['services'][number] | undefined {
    const own = this.#protocol
    return this.context.services.find(
      service => service.protocol === own && endpointText(service) === end,
    )
  }

  #routeTo(address: string): DropContext['routes'][number] | undefined {
    if (this.headers.ip === null) return undefined
    const target = ipAddress(address)
    return this.context.routes
      .filter(({ to }) => {
        const prefix = parseIpPrefix(to)
        return prefix !== undefined && inIpPrefix(target, prefix)
      })
      .sort((a, b) => lengthOf(b.to) - lengthOf(a.to))[0]
  }
}

/** `a, b and 7 more`, or `none`. */
export function listed(all: readonly string[], most = 5): string {
  if (all.length === 0) return 'none'
  const rest = all.length > most ? ` and ${all.length - most} more` : ''
  return `${all.slice(0, most).join(', ')}${rest}`
}

function vnetOf(bytes: Uint8Array): Vnet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < VNET.BYTES) {
    return { partial: false, gsoType: GSO.NONE, gsoSize: 0, csumStart: 0, csumOffset: 0 }
  }
  return {
    partial: (view.getUint8(VNET.FLAGS) & VNET_FLAG.NEEDS_CSUM) !== 0,
    gsoType: view.getUint8(VNET.GSO_TYPE),
    gsoSize: view.getUint16(VNET.GSO_SIZE, true),
    csumStart: view.getUint16(VNET.CSUM_START, true),
    csumOffset: view.getUint16(VNET.CSUM_OFFSET, true),
  }
}

function lengthOf(cidr: string): number {
  return Number(cidr.split('/')[1])
}
