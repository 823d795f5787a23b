/** RSs of NAT in BPF: what comes from RIP:rport is on its way to a client (engine/nat-servers.ts). */

import type { IpAddress } from '../wire/ip-address.ts'
import { type Assembler, among, ascending, each, type Label, OP, R0, SIZE } from './bpf.ts'
import { PEER_ADDRESS, PEER_PORT } from './tuple-bpf.ts'

export interface NatServer {
  address: IpAddress
  port: number
}

/** Is the peer of the tuple among these, which are of one family? `ip` is where the IP header begins. */
export function amongServers(
  asm: Assembler,
  ip: number,
  servers: readonly NatServer[],
  yes: Label,
  no: Label,
): void {
  const ports = new Map<number, number[]>()
  for (const { address, port } of servers) {
    const key = keyOf({ address })
    const known = ports.get(key)
    if (known) known.push(port)
    else ports.set(key, [port])
  }
  const addresses = ascending(ports.keys())
  asm.aluRegister(OP.MOV, R0, PEER_ADDRESS)
  for (const [i, found] of each(asm, addresses, no).entries()) {
    asm.place(found)
    asm.loadBehind(SIZE.HALF, PEER_PORT, ip)
    among(asm, ascending(ports.get(addresses[i] as number) ?? []), yes, no)
  }
}

/** What PEER_ADDRESS is of it. */
export function keyOf({ address }: Pick<NatServer, 'address'>): number {
  return typeof address === 'number' ? address : address.reduce((all, one) => all ^ one)
}
