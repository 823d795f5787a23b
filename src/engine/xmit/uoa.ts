/** UOA: the client's address and port beside a datagram, for RS modules that give them to the application (semantics 4.2). */

/**
 * off; in a header of its own, IP protocol 248, between IP and UDP; or as an IP option. An RS without the module drops what
 * comes in protocol 248, and takes what has the option.
 */
export const UoaMode = { OFF: 0, OPP: 1, IPO: 2 } as const

/** Datagrams of a connection that can carry it: as many as its record can count. */
export const UOA_TRAIL_MAX = 255
