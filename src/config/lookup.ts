/** Objects of a config file by what edits call them. Throws Refused for those that are missing. */

import { isService, type ServerKey, type ServiceKey, serviceName } from '../api/edits.ts'
import { Refused } from '../api/refused.ts'
import { hostText } from '../wire/ip-address.ts'
import { lipsTowards } from './families.ts'
import type { ConfigFile } from './schema.ts'
import { lipsOfServices } from './snat-addresses.ts'

export type FileArm = ConfigFile['arms'][number]
export type FileService = ConfigFile['services'][number]
export type FileServer = FileService['real_servers'][number]

export function armOf(file: ConfigFile, name: string): FileArm {
  const arm = file.arms.find(other => other.name === name)
  if (arm) return arm
  const known = file.arms.map(other => other.name).join(', ')
  throw Refused.missing('arm', name, undefined, `; there are ${known}`)
}

export function serviceOf(file: ConfigFile, key: ServiceKey): FileService {
  const service = file.services.find(other => isService(other, key))
  if (!service) throw Refused.missing('service', serviceName(key))
  return service
}

export function serverIndex(service: FileService, key: ServerKey): number {
  const at = service.real_servers.findIndex(rs => isServer(rs, service, key))
  if (at >= 0) return at
  const name = `${hostText(key.address)}:${key.port ?? service.port}`
  throw Refused.missing('real server', name, `in ${serviceName(service)}`)
}

export function isServer(rs: FileServer, { port }: FileService, key: ServerKey): boolean {
  return rs.address === key.address && (rs.port ?? port) === (key.port ?? port)
}

/** LIPs of a service that names none: all that there are. */
export function lipsOf(file: ConfigFile, service: FileService): string[] {
  const all = file.arms.flatMap(arm => arm.local_addresses)
  return service.local_addresses ?? lipsTowards(service, lipsOfServices(all, file.snat))
}
