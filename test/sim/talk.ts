/** The two ends of a conversation, as applications: each sends when it is its turn, and knows what it must hear. */

import type { App, Why } from './ends.ts'
import type { Talk } from './plan.ts'
import { HeaderReader, type Headers, headerOf, isSame, type Said } from './proxy.ts'
import { byteOf, bytesOf, ID_BYTES } from './stream.ts'
import type { Socket } from './tcp.ts'

/** One conversation: what both ends, and those who watch, know of it. */
export interface Attempt {
  readonly id: number
  readonly talk: Talk
  client: Side | undefined
  server: Side | undefined
  /** Why it need not end well; by name. */
  readonly excuses: Set<string>
  /** When a segment of it was forwarded last, ms; -1 for never. */
  forwarded: number
  /** A FIN, or an RST, of either end has been forwarded. */
  fin: boolean
  rst: boolean
  /** Its last SYN that was forwarded went in the entry of the connection before. */
  carried: boolean
  /** Something of its client but a SYN has been forwarded. */
  answered: boolean
  /** Half-closed, and silent for longer than its entry lasts: what came then came to another's, or none. */
  lapsed: boolean
  /** The drop reason of its last SYN that was refused. */
  refused: string | undefined
}

/** What a side needs of the world. */
export interface Around {
  after: (ms: number, run: () => void) => void
  attempt: (id: number) => Attempt | undefined
  fail: (rule: string, what: string) => never
  proxy: Headers | undefined
  /** A server sees by whom it is called. */
  seesClients: boolean
  /** A late segment may have brought its cookie back when the connection was there no more. */
  isRevived: (attempt: Attempt) => boolean
  ended: (side: Side) => void
}

export class Side implements App {
  attempt: Attempt | undefined
  readonly isClient: boolean
  readonly socket: Socket
  readonly #banner: boolean
  readonly #around: Around
  received = 0
  isEof = false
  why: Why | undefined
  #turn = 0
  #pausing = false
  /** Payload of the turns before, by direction. */
  #mine = 0
  #theirs = 0
  #id = 0
  /** What comes before the stream: of a client's own, and what a server reads. */
  readonly #prefix: Uint8Array
  readonly #header: HeaderReader | undefined
  #headerBytes = 0

  constructor(socket: Socket, attempt: Attempt | undefined, banner: boolean, around: Around) {
    this.socket = socket
    this.attempt = attempt
    this.isClient = attempt !== undefined
    this.#banner = banner
    this.#around = around
    const { proxy } = around
    const own = attempt?.talk.own
    this.#prefix = own ? headerOf(own, ownOf(attempt as Attempt)) : new Uint8Array()
    this.#header = proxy && !this.isClient ? new HeaderReader(proxy.version) : undefined
    socket.app = this
  }

  /** It has said and heard all there was. */
  get isDone(): boolean {
    const { attempt } = this
    return attempt !== undefined && this.#turn === attempt.talk.turns.length
  }

  connected(): void {
    if (!this.isClient && this.#banner) this.socket.write(16)
    this.#go()
  }

  say(from: number, to: number): Uint8Array {
    const [id, dir, before] = [this.attempt?.id ?? 0, this.isClient ? 0 : 1, this.#prefix.length]
    const [begin, end] = [Math.max(0, from - before), Math.max(0, to - before)]
    return Buffer.concat([
      this.#prefix.subarray(from, to),
      bytesOf(id, dir, begin, end, this.#banner),
    ])
  }

  heard(at: number, bytes: Uint8Array): void {
    const known = this.#headerBytes + this.received
    if (at !== known) this.#around.fail('order', `byte ${at} after ${known}`)
    for (const byte of bytes) {
      if (this.#header?.isWhole === false) this.#readHeader(this.#header, byte)
      else this.#hear(this.received++, byte)
      if (this.why === 'aborted') return
    }
    this.#go()
  }

  #readHeader(header: HeaderReader, byte: number): void {
    header.take(byte)
    this.#headerBytes++
    if (header.wrong !== undefined) this.#around.fail('header', header.wrong)
  }

  eof(): void {
    this.isEof = true
    this.#go()
  }

  over(why: Why): void {
    if (this.why !== undefined) return
    this.why = why
    this.#around.ended(this)
  }

  #hear(at: number, byte: number): void {
    if (!this.isClient && at < ID_BYTES) {
      this.#id = ((this.#id << 8) | byte) >>> 0
      if (at === ID_BYTES - 1) this.#identify()
      return
    }
    const expected = byteOf(this.attempt?.id ?? 0, this.isClient ? 1 : 0, at, this.#banner)
    if (byte !== expected) {
      this.#around.fail('bytes', `byte ${at} of ${this.attempt?.id} is ${byte}, not ${expected}`)
    }
  }

  #identify(): void {
    const attempt = this.#around.attempt(this.#id)
    if (attempt === undefined) throw this.#around.fail('bytes', `nobody is ${this.#id}`)
    if (attempt.server !== undefined && attempt.server !== this) {
      if (this.#around.isRevived(attempt)) {
        this.socket.abort()
        return
      }
      this.#around.fail('bytes', `${this.#id} speaks to two servers`)
    }
    attempt.server = this
    this.attempt = attempt
    const { make } = this.socket
    const { src, sport } = attempt.client?.socket.make ?? make
    if (this.#around.seesClients && (src !== make.dst || sport !== make.dport)) {
      this.#around.fail('client', `${this.#id} comes from port ${make.dport} of ${make.dst >>> 0}`)
    }
    const said = this.#header?.said
    if (said === undefined) return
    const believed = attempt.talk.own && this.#around.proxy?.insecure
    const expected = believed ? ownOf(attempt) : (attempt.client?.socket.make as Said)
    if (!isSame(said, expected)) this.#around.fail('header', JSON.stringify([said, expected]))
  }

  /** As far as it goes now. */
  #go(): void {
    const { attempt } = this
    if (attempt === undefined || this.#pausing || this.why !== undefined) return
    const { turns, ending } = attempt.talk
    while (this.#turn < turns.length) {
      const turn = turns[this.#turn]
      if (turn === undefined) break
      const { ofClient, bytes, pause } = turn
      if (ofClient !== this.isClient) {
        if (this.received < this.#theirs + bytes) return
        this.#theirs += bytes
      } else {
        if (pause > 0) {
          this.#pause(pause)
          return
        }
        this.#write(bytes)
      }
      this.#turn++
      this.#halve(attempt.talk)
    }
    this.#finish(ending)
  }

  #write(bytes: number): void {
    const isBanner = !this.isClient && this.#banner && this.#mine === 0
    const before = this.#mine === 0 ? this.#prefix.length : 0
    this.#mine += bytes
    if (!isBanner) this.socket.write(before + bytes)
  }

  /** The client may have said all before the server has. */
  #halve({ ending, turns }: Talk): void {
    if (ending !== 'half' || !this.isClient) return
    if (turns.slice(this.#turn).every(({ ofClient }) => !ofClient)) this.socket.close(false)
  }

  #pause(ms: number): void {
    this.#pausing = true
    const turn = this.attempt?.talk.turns[this.#turn]
    this.#around.after(ms, () => {
      this.#pausing = false
      if (this.why !== undefined || turn === undefined) return
      this.#write(turn.bytes)
      this.#turn++
      if (this.attempt !== undefined) this.#halve(this.attempt.talk)
      this.#go()
    })
  }

  #finish(ending: Talk['ending']): void {
    const me = this.isClient ? 'client' : 'server'
    if (ending === `${me} aborts`) this.socket.abort()
    else if (ending === me || ending === 'both' || this.isEof) this.socket.close(true)
  }
}

/** What the client of an attempt says of itself in a header of its own. */
function ownOf({ id }: Attempt): Said {
  return {
    src: 0xc000_0200 | (id & 0xff) | 0,
    sport: 1 + (id % 65_535),
    dst: 0x0a00_0001,
    dport: 80,
  }
}
