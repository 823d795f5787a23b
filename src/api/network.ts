/** Addresses, routes, neighbours and timeouts. */

import * as z from 'zod'
import * as answers from './answers.ts'
import { arm, change, dryRun, how, object } from './change.ts'
import { address, text, whole, wholeText } from './fields.ts'
import { SECONDS_MAX } from './limits.ts'
import { type Operation, verbOperation } from './operation.ts'

export const newAddress = object({
  arm,
  address,
  prefix_length: whole(0, 32).default(32),
  lip: z.boolean('true or false').default(false).describe('A LIP, with lports.'),
}).meta({ id: 'NewAddress' })

export const newRoute = object({
  arm,
  to: text('an IPv4 network, like 192.0.2.0/24, or default'),
  via: address.exactOptional().describe('The gateway; without one the network is on-link.'),
}).meta({ id: 'NewRoute' })

export const newNeighbour = object({
  arm,
  address,
  mac: text('a MAC address, like 02:74:76:00:00:01', 17),
}).meta({ id: 'NewNeighbour' })

export const newTimeouts = object({
  established: whole(0, SECONDS_MAX).default(0).describe('Seconds; 0 keeps the value.'),
  fin_wait: whole(0, SECONDS_MAX).default(0).describe('Seconds; 0 keeps the value.'),
}).meta({ id: 'NewTimeouts' })

export const NETWORK_OPERATIONS: Operation[] = [
  verbOperation('addresses', {
    id: 'addresses',
    tag: 'network',
    summary: 'The addresses of the arms; LIPs with their lports',
    query: object({}),
    answer: z.array(answers.addressInfo),
  }),
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
    edits: ({ body }) => [{ edit: 'add-address', ...body }],
  }),
  change({
    id: 'deleteAddress',
    method: 'DELETE',
    path: '/v1/addresses',
    tag: 'network',
    summary: 'Delete an address of an arm',
    refuses: [404],
    query: object({ ...dryRun, arm, address, prefix_length: wholeText(0, 32).default(32) }),
    edits: ({ query: { dry_run: _, ...key } }) => [{ edit: 'delete-address', ...key }],
  }),
  verbOperation('routes', {
    id: 'routes',
    tag: 'network',
    summary: 'The routes of all arms, the longest prefix first',
    query: object({}),
    answer: z.array(answers.route),
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
    edits: ({ body }) => [{ edit: 'add-route', ...body }],
  }),
  change({
    id: 'deleteRoute',
    method: 'DELETE',
    path: '/v1/routes',
    tag: 'network',
    summary: 'Delete a route; with `via` only if that is its gateway',
    refuses: [404, 422],
    query: object({ ...dryRun, ...newRoute.shape }),
    edits: ({ query: { dry_run: _, ...key } }) => [{ edit: 'delete-route', ...key }],
  }),
  verbOperation('neighbours', {
    id: 'neighbours',
    tag: 'network',
    summary: 'The neighbours that each worker knows',
    query: object({}),
    answer: z.array(answers.neighbour),
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
    edits: ({ body }) => [{ edit: 'add-neighbour', ...body }],
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
  verbOperation('timeouts', {
    id: 'timeouts',
    tag: 'config',
    summary: 'The timeout of each state, in seconds',
    query: object({}),
    answer: answers.timeouts,
  }),
  change({
    id: 'setTimeouts',
    method: 'PUT',
    path: '/v1/timeouts',
    tag: 'config',
    summary: 'Set timeouts, as `ipvsadm --set`',
    query: how,
    body: newTimeouts,
    edits: ({ body }) => [{ edit: 'set-timeouts', ...body }],
  }),
]
