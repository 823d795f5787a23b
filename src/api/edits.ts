/**
 * What an operator does to the config, one step each: the verbs of ipvsadm and dpip, and of the API. An edit changes the
 * value that a config file holds, never the engine; what follows from it is found by comparing (config/changes.ts). So an edit, a
 * reload and a call of the API can only do what a file could.
 */

import { PROTOCOLS, type Protocol } from './protocols.ts'
import type { SchedulerName, WhenDown } from './words.ts'

export interface ServiceKey {
  protocol: Protocol
  address: string
  port: number
}

/** What an edit of a service sets; what is left out takes its default, as `ipvsadm -E` does. */
export interface ServiceFields {
  scheduler?: SchedulerName
  /** Seconds. */
  conn_timeout?: number
  when_down?: WhenDown
  /** Seconds for which a client keeps its RS, 0 for not at all. */
  persistence?: number
  /** Clients are one if their addresses agree in this many bits; 32 if left out. */
  persistence_prefix?: number
}

/** What ipvsadm and keepalived mean by persistence without a time. */
export const PERSISTENCE_SEC = 360

/** As ServiceFields, but what an edit leaves out keeps its value. */
export interface ServerFields {
  weight?: number
  /** Connections; 0 for no limit. */
  upper_threshold?: number
  lower_threshold?: number
  /** Takes connections only while no other RS of the service has a weight. */
  backup?: boolean
}

export interface ServerKey {
  address: string
  /** The service's, if left out. */
  port?: number
}

export type Edit =
  | ({ edit: 'add-service' | 'edit-service'; service: ServiceKey } & ServiceFields)
  | { edit: 'delete-service'; service: ServiceKey }
  /** All services. */
  | { edit: 'clear' }
  | ({ edit: 'add-server' | 'edit-server'; service: ServiceKey; server: ServerKey } & ServerFields)
  | { edit: 'delete-server'; service: ServiceKey; server: ServerKey }
  /** Gives the service a LIP, which becomes one of the arm if it was none; and takes it away again. */
  | { edit: 'add-lip' | 'delete-lip'; service: ServiceKey; address: string; arm: string }
  /** `lip` makes it a LIP (`dpip addr add ... sapool`). */
  | { edit: 'add-address'; arm: string; address: string; prefix_length: number; lip: boolean }
  | { edit: 'delete-address'; arm: string; address: string; prefix_length: number }
  | { edit: 'add-route' | 'delete-route'; arm: string; to: string; via?: string }
  | { edit: 'add-neighbour'; arm: string; address: string; mac: string }
  | { edit: 'delete-neighbour'; arm: string; address: string }
  /** Seconds, as `ipvsadm --set`; 0 keeps the value. */
  | { edit: 'set-timeouts'; established: number; fin_wait: number }

/** TCP 192.0.2.1:80 */
export function serviceName({ protocol, address, port }: ServiceKey): string {
  return `${PROTOCOLS[protocol].label} ${address}:${port}`
}

/** A service of the one protocol says nothing of its twin of another. */
export function isService(one: ServiceKey, { protocol, address, port }: ServiceKey): boolean {
  return one.protocol === protocol && one.address === address && one.port === port
}
