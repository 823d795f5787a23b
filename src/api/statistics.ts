/** What is counted, as the API answers it. */

import * as z from 'zod'
import { addressInfo, service } from './answers.ts'
import { DROP_REASONS } from './names.ts'

const count = z.int().min(0)

/** What is known of the device of an arm. */
export const linkState = {
  up: z.boolean().describe('Frames can pass: the device is there, switched on, and has a carrier.'),
  admin: z
    .enum(['up', 'down', 'gone', 'unknown'])
    .describe(
      'Whether the device is switched on; unknown: renamed, moved, or not to be looked at.',
    ),
  link: z
    .enum(['up', 'down', 'unknown'])
    .describe('Whether it has a carrier; never up while it is switched off.'),
  orphaned: z.boolean().describe('Its namespace was deleted, and not made anew.'),
}

export const arm = z
  .object({
    name: z.string(),
    kind: z
      .literal('nic')
      .exactOptional()
      .describe('It is a NIC, which stays the host’s; left out of a TAP.'),
    mac: z.string(),
    mtu: count,
    vlan: z
      .object({ arm: z.string(), id: count })
      .exactOptional()
      .describe('It shares the device of that arm, by 802.1Q; left out if it has its own.'),
    ...linkState,
    queues: count,
    rx_packets: count,
    rx_bytes: count,
    tx_packets: count,
    tx_bytes: count,
    rx_drops: count,
    tx_drops: count,
  })
  .meta({ id: 'Arm' })

export const handshakes = z
  .object({
    buckets: z.array(count).describe('By how long they took; docs/numbers.md has the bounds.'),
    sum_ms: z.number(),
  })
  .meta({ id: 'Handshakes' })

export const counters = z
  .object({
    arms: z.array(arm),
    drops: z.record(z.string(), count).describe('By reason; zeros included.'),
    events: z.record(z.string(), count),
    conns: z.object({ used: count, capacity: count }),
    states: z
      .record(z.string(), count)
      .describe('Connections by state, those of UDP as udp_oneway and udp_normal; zeros included.'),
    neighbours: z.record(z.string(), count).describe('Neighbours by state.'),
    handshakes: z
      .object({ rs: handshakes, client: handshakes })
      .describe("From a client's SYN to the SYN+ACK, and to the client's ACK behind it."),
    frames: z.object({ free: count, slots: count }),
  })
  .meta({ id: 'Counters' })

export const edge = z
  .object({
    direction: z.enum(['in', 'out']).describe('Of the segment: from the client, from the server.'),
    event: z
      .enum(['syn', 'fin', 'ack', 'rst', 'none', 'datagram'])
      .describe('Of UDP it is always `datagram`.'),
    from: z.string(),
    to: z.string(),
    count: count.describe('0 where the state stays: then only is known that it was used.'),
    last: z.string().nullable().describe('The last segment that took it, in words.'),
    last_ms: z.number().nullable().describe('ms since 1970.'),
  })
  .meta({ id: 'Edge', description: 'A cell of the state tables that was used.' })

export const dropReason = z.enum(DROP_REASONS, 'a drop reason, as in /v1/counters')

const hex = z.string().regex(/^([0-9a-f]{2})*$/)
export const refused = z.object({
  at_ms: z.number().describe('ms since 1970.'),
  worker: count,
  arm: z
    .string()
    .nullable()
    .describe(
      'That it came from, or that could not send it; null for one of our own that had none.',
    ),
  length: count.describe('Bytes from the Ethernet header on.'),
  bytes: hex.describe('The first of them, at most 134.'),
  vnet: hex.describe('The virtio-net header in front.'),
})

/** An exception in the engine that was mended. */
const faultSample = z.object({
  at_ms: z.number().describe('ms since 1970.'),
  worker: count,
  doing: z.string().describe('What was broken off, in words.'),
  message: z.string(),
  stack: z.array(z.string()).describe('The innermost first, at most eight lines.'),
  arm: z.string().nullable().describe('That the frame came in on; null without a frame.'),
  length: count.describe('Bytes from the Ethernet header on; 0 without a frame.'),
  bytes: hex.describe('The first of them as the exception left them, at most 502.'),
  vnet: hex.describe('The virtio-net header in front.'),
})

export const fault = z.object({
  place: z.string().describe('Where it was thrown: function, file, line and column.'),
  count,
  samples: z.array(faultSample).describe('The first two, and the last three.'),
})

export const drop = z
  .object({
    reason: z.string(),
    count,
    last: z.array(refused).describe('The newest first, at most eight of each worker.'),
    faults: z
      .array(fault)
      .exactOptional()
      .describe('Of `engine_error` alone: the exceptions, by their place in the code.'),
  })
  .meta({ id: 'Drop', description: 'The last frames that were refused for a reason.' })

/** The daemon as the kernel sees it, all threads together. */
export const processInfo = z.object({
  version: z.string(),
  node: z.string(),
  pid: count,
  started_ms: z.number(),
  cpu_seconds: z.number(),
  resident_bytes: count,
  open_fds: count,
})

export const workerNumbers = z.object({ worker: count, counters })

export const numbers = z
  .object({
    at_ms: z.number().describe('ms since 1970.'),
    process: processInfo,
    services: z.array(service),
    addresses: z.array(addressInfo),
    workers: z.array(workerNumbers),
  })
  .meta({ id: 'Numbers' })
