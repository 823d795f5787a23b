/**
 * UOA, the client's address and port in a datagram towards its RS (semantics 4.2): as an IP option, or behind the IP header in one
 * of its own, whose protocol stands in the IP header then.
 *
 *   option   kind 31 | bytes 8 | port (2) | IPv4 address (4); 20 bytes with one of IPv6 (16)
 *   header   version 1, 2 of IPv6 << 4 | next protocol | bytes of header and option (2) | option
 */

export const UOA = {
  PROTOCOL: 248,
  /** Of the header, from its first byte. */
  NEXT: 1,
  LENGTH: 2,
  HEADER: 4,
  /** Of the option, from its first byte. */
  KIND: 31,
  BYTES: 8,
  /** With an address of IPv6, whose header has version 2. */
  BYTES6: 20,
  PORT: 2,
  ADDRESS: 4,
} as const
