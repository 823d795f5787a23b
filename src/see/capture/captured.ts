/**
 * What was read from a capture file, of whatever format; frames begin with an Ethernet header, put there without MACs if need be.
 */

export interface CapturedInterface {
  /** As the file says, else `if0`, `if1` ... */
  name: string
  /** LINKTYPE_ number of the file; the packets' bytes are Ethernet all the same, if it is known. */
  linkType: number
}

export interface CapturedPacket {
  /** ns since 1970; 0 for a packet whose block has no time. */
  atNs: bigint
  /** Index among the interfaces. */
  interface: number
  /** As seen by the capturing machine, if it says. */
  direction: 'in' | 'out' | null
  /** Bytes on the wire, Ethernet header included. */
  length: number
  /** Those that were captured. */
  bytes: Uint8Array
  /** The Ethernet header is its own; it had none and MACs are not known; of another link type, and as it was. */
  link: 'ethernet' | 'none' | 'unknown'
  comments: string[]
  /** Packets lost between this one and the one before it on its interface. */
  lost: number
}

export interface Captured {
  /** The program that wrote it, '' if it does not say. */
  application: string
  interfaces: CapturedInterface[]
  packets: CapturedPacket[]
  /** Comments at the end of the file, those of interface statistics. */
  endComments: string[]
  /** If the file ends in the middle of a block: a sentence that says what is missing. All before it was read. */
  cut: string | null
}

/** Takes a packet as it is read. */
export type TakePacket = (packet: CapturedPacket) => void

/** The file is no capture, or contradicts itself; one line. */
export class CaptureError extends Error {}
