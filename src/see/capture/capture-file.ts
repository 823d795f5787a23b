/**
 * Moments as a pcapng file, one interface for each arm and a note beside each packet. What happened without a frame stands,
 * with its time, in another comment of the packet that follows, or at the end.
 */

import { endpointParts, ipAddress } from '../../wire/ip-address.ts'
import type { FrameIn, FrameOut, Happening, Moment } from '../moments/moment.ts'
import { noteOf } from '../moments/note.ts'
import { interfaceBlock, namesBlock, packetBlock, sectionBlock, statisticsBlock } from './pcapng.ts'

export interface CaptureHead {
  /** Program and version. */
  application: string
  os: string
  /** What was asked for, shown with the file. */
  comment: string
  /** In the order of the config. */
  arms: readonly { name: string; description: string }[]
  snaplen: number
  /** Description of an arm that is none of these. */
  otherArm: string
}

interface Interface {
  name: string
  packets: number
  lost: number
}

/** Addresses that get a name, and comments that wait for a packet; a flood shall not eat the memory. */
const NAMES = 1000
const WAITING = 1000

/** Every method gives the bytes to append. */
export class CaptureFile {
  readonly #head: CaptureHead
  readonly #interfaces: Interface[] = []
  /** Every address with a name, and how many of each name there are. */
  readonly #named = new Set<string>()
  readonly #namesOf = new Map<string, number>()
  #waiting: string[] = []
  /** Lost since the last packet. */
  #lost = 0
  #lastUs = 0

  constructor(head: CaptureHead) {
    this.#head = head
  }

  get packets(): number {
    return this.#interfaces.reduce((sum, { packets }) => sum + packets, 0)
  }

  get lost(): number {
    return this.#interfaces.reduce((sum, { lost }) => sum + lost, this.#lost)
  }

  begin(): Uint8Array[] {
    const { arms } = this.#head
    return [
      sectionBlock(this.#head),
      ...arms.map(({ name, description }) => this.#addInterface(name, description)),
    ]
  }

  /** The recorder was faster than its reader and overwrote so much. */
  lose(count: number): void {
    this.#lost += count
  }

  moment(moment: Moment): Uint8Array[] {
    if (moment.kind !== 'event') return this.#packet(moment)
    this.#wait(moment)
    return []
  }

  /** The file is whole without it, too; this tells how much was lost and what came behind the last packet. */
  end(): Uint8Array[] {
    const [first] = this.#interfaces
    if (first !== undefined) first.lost += this.#lost
    this.#lost = 0
    return this.#interfaces.map(({ packets, lost }, index) => {
      const comments = index === 0 ? this.#waiting : []
      return statisticsBlock(index, this.#lastUs, packets + lost, lost, comments)
    })
  }

  #packet(frame: FrameIn | FrameOut): Uint8Array[] {
    const blocks = this.#names(frame)
    let index = this.#interfaces.findIndex(({ name }) => name === frame.arm)
    if (index < 0) {
      index = this.#interfaces.length
      blocks.push(this.#addInterface(frame.arm, this.#head.otherArm))
    }
    const found = this.#interfaces[index] as Interface
    found.packets++
    found.lost += this.#lost
    blocks.push(
      packetBlock({
        atUs: frame.atUs,
        interface: index,
        direction: frame.kind,
        length: frame.length,
        bytes: frame.bytes.subarray(0, this.#head.snaplen),
        comments: [noteOf(frame), ...this.#waiting],
        lost: this.#lost,
      }),
    )
    this.#waiting = []
    this.#lost = 0
    this.#lastUs = Math.max(this.#lastUs, frame.atUs)
    return blocks
  }

  #wait(happening: Happening): void {
    if (this.#waiting.length < WAITING) this.#waiting.push(noteOf(happening))
    this.#lastUs = Math.max(this.#lastUs, happening.atUs)
  }

  #addInterface(name: string, description: string): Uint8Array {
    this.#interfaces.push({ name, packets: 0, lost: 0 })
    return interfaceBlock(name, description, this.#head.snaplen)
  }

  /** Addresses of connections by their part in them: `vip`, and the second `vip-2`. */
  #names({ conn }: Moment): Uint8Array[] {
    if (conn === null) return []
    const names: { address: Uint8Array; name: string }[] = []
    for (const role of ROLES) {
      const { host: address = '' } = endpointParts(conn[role]) ?? {}
      if (this.#named.has(address) || this.#named.size === NAMES) continue
      this.#named.add(address)
      const count = (this.#namesOf.get(role) ?? 0) + 1
      this.#namesOf.set(role, count)
      names.push({ address: bytesOf(address), name: count === 1 ? role : `${role}-${count}` })
    }
    return names.length === 0 ? [] : [namesBlock(names)]
  }
}

const ROLES = ['client', 'vip', 'lip', 'rs'] as const

function bytesOf(address: string): Uint8Array {
  const parsed = ipAddress(address)
  const words = typeof parsed === 'number' ? [parsed] : parsed
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of words.entries()) view.setInt32(i * 4, word)
  return bytes
}
