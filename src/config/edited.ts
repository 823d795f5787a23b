/**
 * Edits carried out on the value of a config file. Only what an edit says about objects that exist or do not is judged
 * here, in the words of ipvsadm and dpip; whether the result is a good config is for the checks.
 */

import { type Edit, isService, type ServerKey, type ServiceKey, serviceName } from '../api/edits.ts'
import { DEFAULT_SCHEDULER, WHEN_DOWN } from '../api/words.ts'
import { checkSchema } from './check-keys.ts'
import type { ConfigFile } from './schema.ts'

type FileArm = ConfigFile['arms'][number]
type FileService = ConfigFile['services'][number]
/** The edits that may be called E. */
type Of<E extends Edit['edit'], T = Edit> = T extends { edit: infer U }
  ? E extends U
    ? T
    : never
  : never

/** => the config after all of `edits`; `file` is left as it is. Throws an Error in one line at the first that cannot be. */
export function edited(file: ConfigFile, edits: readonly Edit[]): ConfigFile {
  const next = structuredClone(file)
  for (const edit of edits) carryOut(next, edit)
  return next
}

function carryOut(file: ConfigFile, edit: Edit): void {
  switch (edit.edit) {
    case 'add-service':
    case 'edit-service':
      putService(file, edit)
      return
    case 'delete-service':
      file.services.splice(file.services.indexOf(serviceOf(file, edit.service)), 1)
      return
    case 'clear':
      file.services = []
      return
    case 'add-server':
    case 'edit-server':
      putServer(file, edit)
      return
    case 'delete-server': {
      const service = serviceOf(file, edit.service)
      service.real_servers.splice(serverIndex(service, edit.server), 1)
      return
    }
    case 'add-lip':
      addLip(file, edit)
      return
    case 'delete-lip':
      deleteLip(file, edit)
      return
    case 'add-address':
      addAddress(file, edit)
      return
    case 'delete-address':
      deleteAddress(file, edit)
      return
    case 'add-route':
    case 'delete-route':
      changeRoute(file, edit)
      return
    case 'add-neighbour':
    case 'delete-neighbour':
      changeNeighbour(file, edit)
      return
    case 'set-timeouts':
      if (edit.established > 0) file.tcp.timeouts.established = edit.established
      if (edit.fin_wait > 0) file.tcp.timeouts.fin_wait = edit.fin_wait
      return
  }
}

function putService(file: ConfigFile, edit: Of<'add-service' | 'edit-service'>): void {
  const { protocol, address, port } = edit.service
  const fields = {
    scheduler: edit.scheduler ?? DEFAULT_SCHEDULER,
    when_down: edit.when_down ?? WHEN_DOWN[0],
    persistence_prefix: edit.persistence_prefix ?? 32,
  } as const
  if (edit.edit === 'edit-service') {
    const service = serviceOf(file, edit.service)
    Object.assign(service, fields)
    setTimes(service, edit)
    return
  }
  if (file.services.some(other => isService(other, edit.service)))
    throw new Error(`service ${serviceName(edit.service)} exists already`)
  const check = checkSchema.parse({})
  const service = {
    protocol,
    address,
    port,
    ...fields,
    local_addresses: [],
    real_servers: [],
    check,
  }
  setTimes(service, edit)
  file.services.push(service)
}

/** 0 and nothing are the same: no time of its own. */
function setTimes(
  service: Partial<FileService>,
  { conn_timeout, persistence }: Of<'add-service' | 'edit-service'>,
): void {
  if (conn_timeout) service.conn_timeout = conn_timeout
  else delete service.conn_timeout
  if (persistence) service.persistence = persistence
  else delete service.persistence
}

function putServer(file: ConfigFile, edit: Of<'add-server' | 'edit-server'>): void {
  const service = serviceOf(file, edit.service)
  const { weight, upper_threshold, lower_threshold, backup } = edit
  const fields = { weight, upper_threshold, lower_threshold, backup }
  const given = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Partial<FileService['real_servers'][number]>
  if (edit.edit === 'edit-server') {
    Object.assign(service.real_servers[serverIndex(service, edit.server)] as object, given)
    return
  }
  const { address, port = edit.service.port } = edit.server
  if (service.real_servers.some(rs => isServer(rs, service, edit.server)))
    throw new Error(`real server ${address}:${port} exists already in ${serviceName(service)}`)
  const defaults = { weight: 1, upper_threshold: 0, lower_threshold: 0, backup: false }
  service.real_servers.push({ address, port, ...defaults, ...given })
}

function addLip(file: ConfigFile, { service: key, address, arm: name }: Of<'add-lip'>): void {
  const service = serviceOf(file, key)
  const arm = armOf(file, name)
  // A service that names none uses all of them.
  service.local_addresses ??= allLips(file)
  if (service.local_addresses.includes(address))
    throw new Error(`LIP ${address} exists already in ${serviceName(key)}`)
  service.local_addresses.push(address)
  if (!arm.local_addresses.includes(address)) arm.local_addresses.push(address)
}

function deleteLip(file: ConfigFile, { service: key, address, arm: name }: Of<'delete-lip'>): void {
  const service = serviceOf(file, key)
  const arm = armOf(file, name)
  const lips = service.local_addresses ?? allLips(file)
  if (!lips.includes(address) || !arm.local_addresses.includes(address))
    throw new Error(`no LIP ${address} of ${name} in ${serviceName(key)}`)
  service.local_addresses = lips.filter(lip => lip !== address)
  const wanted = file.services.some(({ local_addresses: own }) =>
    (own ?? [address]).includes(address),
  )
  if (!wanted) arm.local_addresses = arm.local_addresses.filter(lip => lip !== address)
}

function addAddress(file: ConfigFile, edit: Of<'add-address'>): void {
  const arm = armOf(file, edit.arm)
  if (file.arms.some(other => addressesOf(other).includes(edit.address)))
    throw new Error(`address ${edit.address} exists already`)
  if (edit.lip) arm.local_addresses.push(edit.address)
  else arm.addresses.push(`${edit.address}/${edit.prefix_length}`)
}

function deleteAddress(file: ConfigFile, edit: Of<'delete-address'>): void {
  const arm = armOf(file, edit.arm)
  const cidr = `${edit.address}/${edit.prefix_length}`
  const isLip = edit.prefix_length === 32 && arm.local_addresses.includes(edit.address)
  if (!isLip && !arm.addresses.includes(cidr)) throw new Error(`no address ${cidr} on ${edit.arm}`)
  if (!isLip) {
    arm.addresses = arm.addresses.filter(other => other !== cidr)
    return
  }
  arm.local_addresses = arm.local_addresses.filter(lip => lip !== edit.address)
  for (const service of file.services) {
    if (service.local_addresses)
      service.local_addresses = service.local_addresses.filter(lip => lip !== edit.address)
  }
}

function changeRoute(file: ConfigFile, edit: Of<'add-route' | 'delete-route'>): void {
  const arm = armOf(file, edit.arm)
  const at = arm.routes.findIndex(({ to }) => isSame(to, edit.to))
  if (edit.edit === 'add-route') {
    if (at >= 0) throw new Error(`route ${edit.to} exists already on ${edit.arm}`)
    arm.routes.push({ to: edit.to, ...(edit.via !== undefined && { via: edit.via }) })
    return
  }
  const route = arm.routes[at]
  if (!route || (edit.via !== undefined && route.via !== edit.via))
    throw new Error(`no route ${edit.to}${edit.via ? ` via ${edit.via}` : ''} on ${edit.arm}`)
  arm.routes.splice(at, 1)
}

/** `default` and 0.0.0.0/0 are one. What is no network is for the checks. */
function isSame(a: string, b: string): boolean {
  const plain = (to: string) => (to === 'default' ? '0.0.0.0/0' : to)
  return plain(a) === plain(b)
}

function changeNeighbour(file: ConfigFile, edit: Of<'add-neighbour' | 'delete-neighbour'>): void {
  const arm = armOf(file, edit.arm)
  const at = arm.neighbours.findIndex(({ address }) => address === edit.address)
  if (edit.edit === 'add-neighbour') {
    if (at >= 0) throw new Error(`static neighbour ${edit.address} exists already on ${edit.arm}`)
    arm.neighbours.push({ address: edit.address, mac: edit.mac })
  } else if (at >= 0) arm.neighbours.splice(at, 1)
  else throw new Error(`no static neighbour ${edit.address} on ${edit.arm}`)
}

function armOf(file: ConfigFile, name: string): FileArm {
  const arm = file.arms.find(other => other.name === name)
  if (arm) return arm
  throw new Error(`no arm ${name}; there are ${file.arms.map(other => other.name).join(', ')}`)
}

function serviceOf(file: ConfigFile, key: ServiceKey): FileService {
  const service = file.services.find(other => isService(other, key))
  if (!service) throw new Error(`no service ${serviceName(key)}`)
  return service
}

function serverIndex(service: FileService, key: ServerKey): number {
  const at = service.real_servers.findIndex(rs => isServer(rs, service, key))
  if (at >= 0) return at
  const name = `${key.address}:${key.port ?? service.port}`
  throw new Error(`no real server ${name} in ${serviceName(service)}`)
}

function isServer(
  rs: FileService['real_servers'][number],
  { port }: FileService,
  key: ServerKey,
): boolean {
  return rs.address === key.address && (rs.port ?? port) === (key.port ?? port)
}

function addressesOf(arm: FileArm): string[] {
  return [...arm.addresses.map(cidr => cidr.split('/')[0] as string), ...arm.local_addresses]
}

function allLips(file: ConfigFile): string[] {
  return file.arms.flatMap(arm => arm.local_addresses)
}
