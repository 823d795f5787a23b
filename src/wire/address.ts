/** Text <-> integers, for config, listings and tests; the packet path never comes here. */

/** Dotted quad of an IPv4 address held as int32. */
export function ipv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** int32 of a dotted quad. Throws TypeError on anything but four decimal parts of 0..255 without leading zeros. */
export function ipv4Int(text: string): number {
  const parts = text.split('.')
  let address = 0
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255)
      throw new TypeError(`not an IPv4 address: ${text}`)
    address = (address << 8) | Number(part)
  }
  if (parts.length !== 4) throw new TypeError(`not an IPv4 address: ${text}`)
  return address
}

/** `address:port`, the port in host order. */
export function endpointText(address: number, port: number): string {
  return `${ipv4Text(address)}:${port}`
}

/** aa:bb:cc:dd:ee:ff of a MAC held as (first 16 bits, last 32). */
export function macText(hi: number, lo: number): string {
  const hex = (hi & 0xffff).toString(16).padStart(4, '0') + (lo >>> 0).toString(16).padStart(8, '0')
  return (hex.match(/../g) as string[]).join(':')
}

/** [first 16 bits, last 32 as int32] of aa:bb:cc:dd:ee:ff. Throws TypeError on anything else. */
export function macInts(text: string): [number, number] {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new TypeError(`not a MAC address: ${text}`)
  const hex = text.replaceAll(':', '')
  return [Number.parseInt(hex.slice(0, 4), 16), Number.parseInt(hex.slice(4), 16) | 0]
}

/** True if `address` lies in network/length. */
export function inPrefix(address: number, network: number, length: number): boolean {
  return ((address ^ network) & prefixMask(length)) === 0
}

/** Netmask of a prefix length as int32; 0 gives 0. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : -1 << (32 - length)
}
