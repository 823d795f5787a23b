/** Addresses, routes, neighbours and timeouts. */

import * as z from 'zod'
import { bitsOf, ipAddress } from '../wire/ip-address.ts'
import * as answers from './answers.ts'
import { arm, change, dryRun, how } from './change.ts'
import { address, object, readOnly, text, whole, wholeText } from './fields.ts'
import { SECONDS_MAX } from './limits.ts'
import { TIMEOUT_KEYS, type TimeoutKey } from './names.ts'
import type { Operation } from './operation.ts'

export const newAddress = object({
  ...readOnly(answers.addressInfo.shape),
  arm,
  address,
  prefix_length: whole(0, 128)
    .exactOptional()
    .describe('Left out, it is that of a single address.'),
  lip: z
    .boolean('true or false')
    .exactOptional()
    .describe('A LIP, with lports; left out, it is one if `lports` is there, as GET gives it.'),
}).meta({ id: 'NewAddress' })

/** A length that is left out is that of a single address. */
function lengthOf(address: string, length = bitsOf(ipAddress(address))) {
  return { address, prefix_length: length }
}

const route = { arm, to: text('a network, like 192.0.2.0/24, or default') }
export const newRoute = object({
  ...readOnly(answers.route.shape),
  ...route,
  via: address
    .nullable()
    .exactOptional()
    .describe('The gateway; without one, or with null, the network is on-link.'),
}).meta({ id: 'NewRoute' })

export const newNeighbour = object({
  ...readOnly(answers.neighbour.shape),
  arm,
  address,
  mac: text('a MAC address, like 02:74:76:00:00:01', 17),
}).meta({ id: 'NewNeighbour' })

const seconds = whole(0, SECONDS_MAX).exactOptional().describe('Seconds; 0 keeps the value.')

export const newTimeouts = object(
  Object.fromEntries(TIMEOUT_KEYS.map(key => [key, seconds])) as Record<TimeoutKey, typeof seconds>,
).meta({ id: 'NewTimeouts' })

export const NETWORK_OPERATIONS: Operation[] = [
  change({
    id: 'addAddress',
    method: 'POST',
    path: '/v1/addresses',
    tag: 'network',
    summary: 'Add an address to an arm',
    refuses: [404, 409, 422],
    query: how,
    body: newAddress,
    status: 201,
    edits: ({ body: { arm, address, prefix_length, lports, lip = lports !== undefined } }) => [
      { edit: 'add-address', arm, ...lengthOf(address, prefix_length), lip },
    ],
  }),
  change({
    id: 'deleteAddress',
    method: 'DELETE',
    path: '/v1/addresses',
    tag: 'network',
    summary: 'Delete an address of an arm',
    refuses: [404],
    query: object({
      ...dryRun,
      arm,
      address,
      prefix_length: wholeText(0, 128).exactOptional(),
    }),
    edits: ({ query: { arm, address, prefix_length } }) => [
      { edit: 'delete-address', arm, ...lengthOf(address, prefix_length) },
    ],
  }),
  change({
    id: 'addRoute',
    method: 'POST',
    path: '/v1/routes',
    tag: 'network',
    summary: 'Add a route',
    refuses: [404, 409, 422],
    query: how,
    body: newRoute,
    status: 201,
    edits: ({ body: { arm, to, via } }) => [{ edit: 'add-route', arm, to, ...(via && { via }) }],
  }),
  change({
    id: 'deleteRoute',
    method: 'DELETE',
    path: '/v1/routes',
    tag: 'network',
    summary: 'Delete a route; with `via` only if that is its gateway',
    refuses: [404, 422],
    query: object({ ...dryRun, ...route, via: address.exactOptional() }),
    edits: ({ query: { dry_run: _, ...key } }) => [{ edit: 'delete-route', ...key }],
  }),
  change({
    id: 'addNeighbour',
    method: 'POST',
    path: '/v1/neighbours',
    tag: 'network',
    summary: 'Add a static neighbour',
    refuses: [404, 409, 422],
    query: how,
    body: newNeighbour,
    status: 201,
    edits: ({ body: { arm, address, mac } }) => [{ edit: 'add-neighbour', arm, address, mac }],
  }),
  change({
    id: 'deleteNeighbour',
    method: 'DELETE',
    path: '/v1/neighbours',
    tag: 'network',
    summary: 'Delete a static neighbour',
    refuses: [404],
    query: object({ ...dryRun, arm, address }),
    edits: ({ query: { dry_run: _, ...key } }) => [{ edit: 'delete-neighbour', ...key }],
  }),
  change({
    id: 'setTimeouts',
    method: 'PUT',
    path: '/v1/timeouts',
    tag: 'config',
    summary: 'Set timeouts; those left out keep their value',
    query: how,
    body: newTimeouts,
    edits: ({ body }) => [{ edit: 'set-timeouts', ...body }],
  }),
]
