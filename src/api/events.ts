/** What happens in the daemon, for those who want to know at once: the events of `GET /v1/events`. */

import * as z from 'zod'
import { logLevel, module } from './answers.ts'
import { anyProtocol } from './fields.ts'
import { linkState } from './statistics.ts'

const service = z.object({ protocol: anyProtocol, address: z.string(), port: z.int() })
const server = z.object({ address: z.string(), port: z.int().exactOptional() })

/** Every event by its name, and what it carries. */
const EVENTS = {
  /** The running config changed. */
  config: z.object({ steps: z.array(z.string()), warnings: z.array(z.string()) }),
  /** The health checks changed their mind about a real server. */
  server: z.object({ service, server, up: z.boolean(), reason: z.string() }),
  /** The device of an arm has gone or is back, was switched on or off, has lost its carrier or has it again. */
  arm: z.object({ arm: z.string(), ...linkState }),
  /** The MAC of a neighbour changes again and again: two have the address, or somebody pretends to. */
  neighbour: z.object({ address: z.string(), arm: z.string(), from: z.string(), to: z.string() }),
  /** A worker begins to answer SYNs to a service by cookies by itself (syn_proxy: auto), or has ended it. */
  syn_proxy: z.object({ service, worker: z.int(), active: z.boolean(), syns: z.int() }),
  /** A worker hangs and is ended, has ended by itself, or runs again on the memory that it left. */
  worker: z.object({
    worker: z.int(),
    state: z.enum(['hung', 'ended', 'restarted']),
    reason: z.string(),
  }),
  /** Of one module, or of all; `modules` are those that have one of their own then. */
  log: z.object({ ...logLevel.shape, module: module.exactOptional() }),
  /** The daemon ends; the connection is about to be closed. */
  stopping: z.strictObject({}),
}

const event = <N extends EventName>(name: N) =>
  z.object({
    id: z.string().describe('`RUN-NUMBER`; what a client names to go on from there.'),
    event: z.literal(name),
    time: z.iso.datetime().describe('Of the event.'),
    data: EVENTS[name],
  })

export const eventSchema = z
  .discriminatedUnion('event', [
    event('config'),
    event('server'),
    event('arm'),
    event('neighbour'),
    event('syn_proxy'),
    event('worker'),
    event('log'),
    event('stopping'),
  ])
  .meta({
    id: 'Event',
    description:
      'The `data:` of one event of the stream is this as JSON; `id:` and `event:` are in it too.',
  })

export type EventName = keyof typeof EVENTS
export type EventData = { [N in EventName]: z.output<(typeof EVENTS)[N]> }
export type DaemonEvent = z.output<typeof eventSchema>
