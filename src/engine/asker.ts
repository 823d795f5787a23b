/** What schedulers that hash go by. */

/** Who asks for an RS: what schedulers that hash go by. One object, of the packet in hand. */
export interface Asker {
  client: number
  /** The client's. */
  port: number
  /** Of IPv6 the four words of its address, whose XOR `client` is then. */
  source?: Int32Array | null
  /** What stands for the client's connection ID, if the service looks for one and the packet has it; else `client`. */
  id: number
}

/** What a scheduler that hashes goes by, and what it does if the RS that it comes to can take no connection. */
export interface Hashing {
  /** Another RS then, the same for each connection of the client; else none. */
  fallback: boolean
  /** The client's port counts as well. */
  port: boolean
  /** By the connection ID of gQUIC, where a datagram has one. */
  byId: boolean
}

/** By the client's address, and nobody else but that RS. */
export const NO_HASHING: Hashing = { fallback: false, port: false, byId: false }
