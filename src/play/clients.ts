/** Which addresses and ports clients have: the seed's and those behind it, as far as the kernel would bring them to our worker. */

import { Steering } from '../engine/steering.ts'
import { ipv4Int } from '../wire/address.ts'
import type { Scenario } from './scenario.ts'

export interface Client {
  address: string
  port: number
}

const NETWORK = '202.108.10'
/** The seed's. */
const FIRST_PORT = 33_896

/** Addresses of nobody, behind those that clients may have; a port of each in turn. */
const FLOOD_FROM = 54
const FLOOD_ADDRESSES = 200
/** Prime, so that no pair comes twice. */
const FLOOD_PORTS = 50_021
const FLOOD_FIRST_PORT = 1024
/** Neighbours in time are none in ports. */
const FLOOD_STEP = 7919

type Of = Pick<Scenario, 'addresses' | 'workers' | 'worker'>

function isOurs({ workers, worker }: Of): (client: Client) => boolean {
  const steering = new Steering(workers)
  return ({ address, port }) => steering.clientWorker(ipv4Int(address), port) === worker - 1
}

/** As many as anybody takes, in turn of their addresses. */
export function* clientsOf(scenario: Of): Generator<Client, never> {
  const ours = isOurs(scenario)
  const ports = Array<number>(scenario.addresses).fill(FIRST_PORT)
  for (let i = 0; ; i = (i + 1) % scenario.addresses) {
    const address = `${NETWORK}.${2 + i}`
    let port = ports[i] as number
    while (!ours({ address, port })) port++
    ports[i] = port + scenario.addresses
    yield { address, port }
  }
}

/** Whether an address, with or without a port behind it, is one of the flood's. */
export function isOfFlood(end: string): boolean {
  const [, last] = /^202\.108\.10\.(\d+)(?::|$)/.exec(end) ?? []
  return last !== undefined && Number(last) >= FLOOD_FROM
}

/** Who sends the SYNs of a flood. */
export function* floodOf(scenario: Of): Generator<Client, never> {
  const ours = isOurs(scenario)
  for (let i = 0; ; i++) {
    const address = `${NETWORK}.${FLOOD_FROM + (i % FLOOD_ADDRESSES)}`
    const port = FLOOD_FIRST_PORT + ((i * FLOOD_STEP) % FLOOD_PORTS)
    if (ours({ address, port })) yield { address, port }
  }
}
