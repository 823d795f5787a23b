/** How counters.ts counts how long handshakes take. */

/** What of a connection's handshake is timed from the client's SYN on: the RS's SYN+ACK, and the ACK of the client behind it. */
export const Handshake = { RS: 0, CLIENT: 1 } as const
/** Upper bounds of the buckets in ms, the bound itself included; one more bucket takes what is longer. */
export const HANDSHAKE_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const
/** Of one Handshake: the buckets, each with its own number only, and the sum of all ms in the last cell. */
export const HANDSHAKE_CELLS = 16
