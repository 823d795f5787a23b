/** Edits as they come from outside. Only their shape is judged here: addresses and numbers are checked with the config they make. */

import * as z from 'zod'
import type { Edit } from './edits.ts'
import { protocol, scheduler, whenDown } from './fields.ts'

const text = z.string('a text')
const number = z.number('a number')

export const serviceKey = z.strictObject({
  protocol,
  address: text,
  port: number,
})

const server = z.strictObject({ address: text, port: number.optional() })

const serviceFields = {
  service: serviceKey,
  scheduler: scheduler.optional(),
  conn_timeout: number.optional(),
  when_down: whenDown.optional(),
  persistence: number.optional(),
  persistence_prefix: number.optional(),
}

const serverFields = {
  service: serviceKey,
  server,
  weight: number.optional(),
  upper_threshold: number.optional(),
  lower_threshold: number.optional(),
  backup: z.boolean('true or false').optional(),
}

const lipFields = { service: serviceKey, address: text, arm: text }
const addressFields = { arm: text, address: text, prefix_length: number }
const routeFields = { arm: text, to: text, via: text.optional() }

const edit = <E extends Edit['edit'], T extends z.ZodRawShape>(name: E, shape: T) =>
  z.strictObject({ edit: z.literal(name), ...shape })

export const editSchema = z.discriminatedUnion(
  'edit',
  [
    edit('add-service', serviceFields),
    edit('edit-service', serviceFields),
    edit('delete-service', { service: serviceKey }),
    edit('clear', {}),
    edit('add-server', serverFields),
    edit('edit-server', serverFields),
    edit('delete-server', { service: serviceKey, server }),
    edit('add-lip', lipFields),
    edit('delete-lip', lipFields),
    edit('add-address', { ...addressFields, lip: z.boolean() }),
    edit('delete-address', addressFields),
    edit('add-route', routeFields),
    edit('delete-route', routeFields),
    edit('add-neighbour', { arm: text, address: text, mac: text }),
    edit('delete-neighbour', { arm: text, address: text }),
    edit('set-timeouts', { established: number, fin_wait: number }),
  ],
  'an edit, like add-service',
)
