/** Hosts: what has a MAC, addresses and sockets. Clients know the way to the balancer; RSs answer ARP. */

import type { Make } from './ends.ts'
import type { Events } from './events.ts'
import {
  ACK,
  arpFrame,
  FIN,
  fault,
  get16,
  get32,
  IP_AT,
  macAt,
  RST,
  readTcp,
  Segment,
  SYN,
  tcpFrame,
} from './packet.ts'
import { mix } from './random.ts'
import type { Owned, Stack } from './stack.ts'
import type { Socket } from './tcp.ts'

/** Steps of 64 ns in a ms: the clock of sequence numbers (Linux). */
const CLOCK = 15_625
/** How far a number is put ahead of what the tuple had come to. */
const AHEAD = 65_537

export interface Outside {
  events: Events
  /** Towards the balancer. */
  send: (bytes: Uint8Array, from: Host, socket?: Socket, owned?: Owned) => void
  /** A SYN. => whether its port is open, and has a socket for it now */
  accept: (host: Host, segment: Segment) => boolean
}

export class Host {
  mac: number
  /** Of the balancer's arm. */
  readonly gateway: number
  readonly addresses: readonly number[]
  readonly #outside: Outside
  readonly #sockets = new Map<string, Socket>()
  /** Until then it hears and says nothing. */
  silentUntil = 0
  /** Where it speaks more than TCP. */
  stack: Stack | undefined

  constructor(mac: number, gateway: number, addresses: readonly number[], outside: Outside) {
    this.mac = mac
    this.gateway = gateway
    this.addresses = addresses
    this.#outside = outside
  }

  get sockets(): Iterable<Socket> {
    return this.#sockets.values()
  }

  /** What a socket of this host is made of. */
  make(
    ends: Pick<Make, 'src' | 'sport' | 'dst' | 'dport'>,
  ): Pick<Make, 'events' | 'send' | 'leave' | 'iss'> {
    const { events } = this.#outside
    const { src, sport, dst, dport } = ends
    const before = this.find(dst, dport, sport)
    const clock = (mix(src, dst, (sport << 16) | dport, 99) + Math.imul(events.now, CLOCK)) | 0
    return {
      events,
      send: (segment, from) => this.#send(segment, from),
      leave: socket => {
        const key = keyOf(socket.make.dst, socket.make.dport, socket.make.sport)
        if (this.#sockets.get(key) === socket) this.#sockets.delete(key)
      },
      iss: before === undefined ? clock : (before.make.iss + before.out.top + AHEAD) | 0,
    }
  }

  find(dst: number, dport: number, sport: number): Socket | undefined {
    return this.#sockets.get(keyOf(dst, dport, sport))
  }

  put(socket: Socket): void {
    const { dst, dport, sport } = socket.make
    this.#sockets.set(keyOf(dst, dport, sport), socket)
  }

  /** All that it knew is gone. */
  forget(): void {
    for (const socket of [...this.#sockets.values()]) socket.end('lost')
  }

  announce(): void {
    const [ip = 0] = this.addresses
    const us = { mac: this.mac, ip }
    this.#out(arpFrame(2, us, { mac: 0xffff_ffff_ffff, ip }, 0xffff_ffff_ffff), undefined)
  }

  take(bytes: Uint8Array): void {
    const to = macAt(bytes, 10)
    if (this.#outside.events.now < this.silentUntil) return
    if (to !== this.mac && to !== 0xffff_ffff_ffff) return
    const type = get16(bytes, 22)
    if (type === 0x0806) this.#arp(bytes)
    if (type !== 0x0800) return
    if (this.stack !== undefined) this.stack.take(bytes)
    else if (fault(bytes) === undefined && bytes[IP_AT + 9] === 6) this.tcp(bytes)
  }

  /** A segment in a frame without fault(). */
  tcp(bytes: Uint8Array): void {
    const s = readTcp(bytes)
    if (this.addresses.includes(s.dst)) this.#segment(s)
  }

  /** A frame leaves, if it can speak. */
  emit(bytes: Uint8Array, owned?: Owned): void {
    this.#out(bytes, undefined, owned)
  }

  #segment(s: Segment): void {
    const socket = this.find(s.src, s.sport, s.dport)
    if (socket !== undefined && !socket.yieldsTo(s)) {
      socket.take(s)
      return
    }
    if ((s.flags & (SYN | ACK | RST | FIN)) === SYN) {
      if (this.#outside.accept(this, s)) return
    }
    if ((s.flags & RST) !== 0) return
    const answer = new Segment(s.dst, s.dport, s.src, s.sport)
    const length = s.payload.length + ((s.flags & SYN) >> 1) + (s.flags & FIN)
    if ((s.flags & ACK) !== 0) answer.says(RST, s.ack, 0)
    else answer.says(RST | ACK, 0, (s.seq + length) | 0)
    this.#send(answer, undefined)
  }

  #arp(bytes: Uint8Array): void {
    const ip = get32(bytes, IP_AT + 24)
    // Nobody but the balancer answers for a VIP.
    if (get16(bytes, IP_AT + 6) !== 1 || ip !== this.addresses[0]) return
    const who = { mac: macAt(bytes, IP_AT + 8), ip: get32(bytes, IP_AT + 14) }
    this.#out(arpFrame(2, { mac: this.mac, ip }, who, who.mac), undefined)
  }

  #send(segment: Segment, from: Socket | undefined): void {
    this.#out(tcpFrame(this.gateway, this.mac, segment), from)
  }

  #out(bytes: Uint8Array, from: Socket | undefined, owned?: Owned): void {
    const { events, send } = this.#outside
    if (events.now >= this.silentUntil) send(bytes, this, from, owned)
  }
}

function keyOf(dst: number, dport: number, sport: number): string {
  return `${dst}.${dport}.${sport}`
}
