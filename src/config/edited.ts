/**
 * Edits carried out on the value of a config file. Only what an edit says about objects that exist or do not is judged
 * here, in the words of ipvsadm and dpip; whether the result is a good config is for the checks.
 */

import type { Edit, EditOf } from '../api/edits.ts'
import { STATE_KEYS, UDP_TIMEOUT_KEYS } from '../api/names.ts'
import { Refused } from '../api/refused.ts'
import { wholeLength } from './cidr.ts'
import { addAcl, deleteAcl, joinedLists, setAcl } from './edited-acls.ts'
import { addIpset, addMembers, deleteIpset, deleteMembers, setMembers } from './edited-ipsets.ts'
import {
  addLip,
  addServer,
  addService,
  deleteLip,
  deleteServer,
  editServer,
  editService,
} from './edited-services.ts'
import { editedSnat } from './edited-snat.ts'
import { armOf, type FileArm, serviceOf } from './lookup.ts'
import type { ConfigFile } from './schema.ts'

/** => the config after all of `edits`; `file` is left as it is. Throws Refused at the first that cannot be. */
export function edited(file: ConfigFile, edits: readonly Edit[]): ConfigFile {
  const next = structuredClone(file)
  for (const edit of joinedLists(edits)) carryOut(next, edit)
  return next
}

const CARRY_OUT: { [E in Edit['edit']]: (file: ConfigFile, edit: EditOf<E>) => void } = {
  'add-service': addService,
  'edit-service': editService,
  'delete-service': (file, edit) => {
    file.services.splice(file.services.indexOf(serviceOf(file, edit.service)), 1)
  },
  clear: file => {
    file.services = []
    file.snat = []
  },
  'add-server': addServer,
  'edit-server': editServer,
  'delete-server': deleteServer,
  'add-lip': addLip,
  'delete-lip': deleteLip,
  'add-acl': addAcl,
  'delete-acl': deleteAcl,
  'set-acl': setAcl,
  'add-ipset': addIpset,
  'delete-ipset': deleteIpset,
  'add-members': addMembers,
  'delete-members': deleteMembers,
  'set-members': setMembers,
  'add-address': addAddress,
  'delete-address': deleteAddress,
  'add-route': addRoute,
  'delete-route': deleteRoute,
  'add-neighbour': addNeighbour,
  'delete-neighbour': deleteNeighbour,
  'set-timeouts': setTimeouts,
}

function carryOut<E extends Edit['edit']>(file: ConfigFile, edit: EditOf<E>): void {
  if (editedSnat(file, edit)) return
  CARRY_OUT[edit.edit as E](file, edit)
}

function addAddress(file: ConfigFile, edit: EditOf<'add-address'>): void {
  const arm = armOf(file, edit.arm)
  if (file.arms.some(other => addressesOf(other).includes(edit.address)))
    throw Refused.exists('address', edit.address)
  if (edit.lip) arm.local_addresses.push(edit.address)
  else arm.addresses.push(`${edit.address}/${edit.prefix_length}`)
}

function deleteAddress(file: ConfigFile, edit: EditOf<'delete-address'>): void {
  const arm = armOf(file, edit.arm)
  const cidr = `${edit.address}/${edit.prefix_length}`
  const isWhole = edit.prefix_length === wholeLength(edit.address)
  const isLip = isWhole && arm.local_addresses.includes(edit.address)
  if (!isLip && !arm.addresses.includes(cidr))
    throw Refused.missing('address', cidr, `on ${edit.arm}`)
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

function addressesOf(arm: FileArm): string[] {
  return [...arm.addresses.map(cidr => cidr.split('/')[0] as string), ...arm.local_addresses]
}

function addRoute(file: ConfigFile, edit: EditOf<'add-route'>): void {
  const arm = armOf(file, edit.arm)
  if (routeIndex(arm, edit.to) >= 0) throw Refused.exists('route', edit.to, `on ${edit.arm}`)
  arm.routes.push({ to: edit.to, ...(edit.via !== undefined && { via: edit.via }) })
}

function deleteRoute(file: ConfigFile, edit: EditOf<'delete-route'>): void {
  const arm = armOf(file, edit.arm)
  const at = routeIndex(arm, edit.to)
  const route = arm.routes[at]
  if (!route || (edit.via !== undefined && route.via !== edit.via)) {
    const name = `${edit.to}${edit.via ? ` via ${edit.via}` : ''}`
    throw Refused.missing('route', name, `on ${edit.arm}`)
  }
  arm.routes.splice(at, 1)
}

/** `default` and 0.0.0.0/0 are one. What is no network is for the checks. */
function routeIndex(arm: FileArm, wanted: string): number {
  const plain = (to: string) => (to === 'default' ? '0.0.0.0/0' : to)
  return arm.routes.findIndex(({ to }) => plain(to) === plain(wanted))
}

function addNeighbour(file: ConfigFile, edit: EditOf<'add-neighbour'>): void {
  const arm = armOf(file, edit.arm)
  if (neighbourIndex(arm, edit.address) >= 0)
    throw Refused.exists('static neighbour', edit.address, `on ${edit.arm}`)
  arm.neighbours.push({ address: edit.address, mac: edit.mac })
}

function deleteNeighbour(file: ConfigFile, edit: EditOf<'delete-neighbour'>): void {
  const arm = armOf(file, edit.arm)
  const at = neighbourIndex(arm, edit.address)
  if (at < 0) throw Refused.missing('static neighbour', edit.address, `on ${edit.arm}`)
  arm.neighbours.splice(at, 1)
}

function neighbourIndex(arm: FileArm, wanted: string): number {
  return arm.neighbours.findIndex(({ address }) => address === wanted)
}

/** 0 keeps the value. */
function setTimeouts(file: ConfigFile, given: EditOf<'set-timeouts'>): void {
  const { tcp, udp } = file
  for (const state of STATE_KEYS) tcp.timeouts[state] = given[state] || tcp.timeouts[state]
  for (const state of UDP_TIMEOUT_KEYS)
    udp.timeouts[state] = given[`udp_${state}`] || udp.timeouts[state]
}
