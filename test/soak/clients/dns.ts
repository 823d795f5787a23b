/**
 * Resolvers: names are asked for by UDP, and the answers checked. As resolvers do, they ask again when there is no answer, from another
 * port; otherwise they keep theirs, or take a new one for each name.
 */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Plan, type Running, Wrong } from './plan.ts'
import { type Report, whyOf } from './report.ts'

const RESOLVERS = 6
/** As long as resolvers wait altogether, by default: 5 s, four times. The daemon is gone for less. */
const TRIES = 10
const TRY_MS = 2000
const PORT = 53
/** RFC 1035: a response, no error. */
const RESPONSE = 0x8000
const RCODE = 0x000f

export function startDns(plan: Plan, report: Report): Running {
  let over = false
  const names = Object.entries(plan.names)
  const resolvers = Array.from({ length: RESOLVERS }, async (_, id) => {
    let socket: Socket | undefined
    for (let count = id; !over; count++) {
      const [name, address] = names[count % names.length] as [string, string]
      const from = Date.now()
      for (let tries = 1; ; tries++) {
        const began = Date.now()
        try {
          socket ??= await opened(plan.vip)
          await resolved(socket, (count * 7919 + tries) & 0xffff, name, address)
          report.done('dns', from)
          break
        } catch (error) {
          socket?.close()
          socket = undefined
          const why = whyOf(error)
          if (error instanceof Wrong || tries === TRIES) {
            report.error('dns', 'dns', from, null, why)
            break
          }
          report.retry(began, why)
          if (why !== 'no answer') await sleep(100)
        }
      }
      // Half of them, a port for each name.
      if (id % 2 === 0) {
        socket?.close()
        socket = undefined
      }
      await sleep((1000 * RESOLVERS) / plan.rates.dns)
    }
    socket?.close()
  })
  return {
    stop: async () => {
      over = true
      await Promise.all(resolvers)
    },
  }
}

async function opened(host: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.connect(PORT, host)
  await once(socket, 'connect')
  return socket
}

async function resolved(socket: Socket, id: number, name: string, address: string): Promise<void> {
  const query = queryOf(id, name)
  const limit = AbortSignal.timeout(TRY_MS)
  try {
    socket.send(query)
    for (;;) {
      const [answer] = (await once(socket, 'message', { signal: limit })) as [Buffer]
      // A late one, to a question that was asked before from this port.
      if (answer.readUInt16BE(0) !== id) continue
      check(answer, query, address)
      return
    }
  } catch (error) {
    throw limit.aborted ? new Error('no answer') : error
  }
}

function queryOf(id: number, name: string): Buffer {
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const labels = name.split('.').map(label => Buffer.from([label.length, ...Buffer.from(label)]))
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])])
}

/** The question comes back, and behind it one A record of the same name, by a pointer to it. */
function check(answer: Buffer, query: Buffer, address: string): void {
  const flags = answer.readUInt16BE(2)
  const question = answer.subarray(12, query.length)
  const record = answer.subarray(query.length)
  const given = record.subarray(12, 16).join('.')
  if ((flags & RESPONSE) === 0 || (flags & RCODE) !== 0) throw new Wrong(`flags ${flags}`)
  if (!question.equals(query.subarray(12))) throw new Wrong('an answer to another question')
  if (given !== address) throw new Wrong(`${given} in the place of ${address}`)
}
