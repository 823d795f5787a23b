/** What the programs at both ends say: a client's requests one after the other, an RS's answers, and who closes. */

import type { Scenario } from './scenario.ts'
import type { App, Socket } from './tcp.ts'

type Talk = Pick<Scenario, 'requests' | 'bytes' | 'answer' | 'closes'>

/** `answered` is told of each answer that has come whole. */
export function clientApp(talk: Talk, answered: () => void): App {
  let asked = 0
  let heard = 0
  const goOn = (socket: Socket) => {
    if (asked < talk.requests) {
      asked++
      heard = 0
      socket.write(talk.bytes)
    } else if (['client', 'client-only', 'both'].includes(talk.closes)) socket.close()
    else if (talk.closes === 'client-reset') socket.abort()
  }
  return {
    connected: goOn,
    heard: (socket, bytes) => {
      heard += bytes
      if (heard < talk.answer) return
      answered()
      goOn(socket)
    },
    ended: socket => {
      if (talk.closes !== 'rs-only') socket.close()
    },
  }
}

/** `served` is told of the first request that has come whole. */
export function serverApp(talk: Talk, served: () => void): App {
  let answers = 0
  let heard = 0
  const finish = (socket: Socket) => {
    if (['rs', 'rs-only', 'both'].includes(talk.closes)) socket.close()
    else if (talk.closes === 'rs-reset') socket.abort()
  }
  return {
    connected: socket => {
      if (talk.requests === 0) finish(socket)
    },
    heard: (socket, bytes) => {
      heard += bytes
      while (heard >= talk.bytes) {
        heard -= talk.bytes
        if (answers++ === 0) served()
        socket.write(talk.answer)
      }
      if (answers >= talk.requests) finish(socket)
    },
    ended: socket => {
      if (talk.closes !== 'client-only') socket.close()
    },
  }
}
