/** TCP connections of a namespace: a socket belongs to the one in which it was made, wherever it is used later. */

import { Socket, type SocketConstructorOpts } from 'node:net'
import { socketIn } from '../../io/native.ts'
import { isIpv6Text } from '../../wire/ip-address.ts'
import type { Attempt } from './attempt.ts'

/** => a connected socket; it is destroyed when the attempt is over. Throws what connect says. */
export function dial({ netns, address, port, signal }: Attempt): Promise<Socket> {
  // Not to be read before it is connected, as a socket from a descriptor would be (manualStart is not in the typings).
  const options = { readable: true, writable: true, manualStart: true }
  const from = netns === '' ? {} : { fd: socketIn(netns, false, isIpv6Text(address)) }
  const socket = new Socket({ ...options, ...from } as SocketConstructorOpts)
  return new Promise((done, fail) => {
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
    // The listener stays: an error after the check has been judged must not end the process.
    socket.on('error', fail)
    socket.connect(port, address, () => done(socket))
    if (signal.aborted) socket.destroy()
  })
}
