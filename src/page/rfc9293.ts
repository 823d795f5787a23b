/** The TCP connection state diagram of RFC 9293, section 3.3.2, figure 5, with its notes 1 and 2. */

import type { Graph } from './graph.ts'

const NODES: [name: string, title: string][] = [
  ['CLOSED', 'There is no connection.'],
  ['LISTEN', 'Waiting for a connection request from any remote TCP peer and port.'],
  ['SYN-SENT', 'Waiting for a matching connection request after having sent one.'],
  ['SYN-RECEIVED', 'Waiting for the acknowledgment after both ends have sent a SYN.'],
  ['ESTABLISHED', 'An open connection; data received can be delivered to the user.'],
  ['FIN-WAIT-1', 'Waiting for the FIN of the peer, or the acknowledgment of the one sent.'],
  ['FIN-WAIT-2', 'Waiting for the FIN of the peer.'],
  ['CLOSE-WAIT', 'Waiting for the local user to close.'],
  ['CLOSING', 'Waiting for the acknowledgment of the FIN; both ends closed at once.'],
  ['LAST-ACK', 'Waiting for the acknowledgment of the FIN that was sent last.'],
  ['TIME-WAIT', 'Waiting two segment lifetimes, so that the last ACK surely arrived.'],
]

const EDGES: [from: string, to: string, cause: string][] = [
  ['CLOSED', 'LISTEN', 'passive OPEN / create TCB'],
  ['CLOSED', 'SYN-SENT', 'active OPEN / create TCB, snd SYN'],
  ['LISTEN', 'CLOSED', 'CLOSE / delete TCB'],
  ['LISTEN', 'SYN-RECEIVED', 'rcv SYN / snd SYN,ACK'],
  ['LISTEN', 'SYN-SENT', 'SEND / snd SYN'],
  ['SYN-SENT', 'CLOSED', 'CLOSE / delete TCB'],
  ['SYN-SENT', 'SYN-RECEIVED', 'rcv SYN / snd SYN,ACK'],
  ['SYN-SENT', 'ESTABLISHED', 'rcv SYN,ACK / snd ACK'],
  ['SYN-RECEIVED', 'ESTABLISHED', 'rcv ACK of SYN'],
  ['SYN-RECEIVED', 'FIN-WAIT-1', 'CLOSE / snd FIN'],
  ['SYN-RECEIVED', 'LISTEN', 'rcv RST, if it came from LISTEN'],
  ['ESTABLISHED', 'FIN-WAIT-1', 'CLOSE / snd FIN'],
  ['ESTABLISHED', 'CLOSE-WAIT', 'rcv FIN / snd ACK'],
  ['FIN-WAIT-1', 'FIN-WAIT-2', 'rcv ACK of FIN'],
  ['FIN-WAIT-1', 'CLOSING', 'rcv FIN / snd ACK'],
  ['FIN-WAIT-1', 'TIME-WAIT', 'rcv FIN and ACK of FIN / snd ACK'],
  ['FIN-WAIT-2', 'TIME-WAIT', 'rcv FIN / snd ACK'],
  ['CLOSE-WAIT', 'LAST-ACK', 'CLOSE / snd FIN'],
  ['CLOSING', 'TIME-WAIT', 'rcv ACK of FIN'],
  ['LAST-ACK', 'CLOSED', 'rcv ACK of FIN / delete TCB'],
  ['TIME-WAIT', 'CLOSED', 'timeout 2 MSL / delete TCB'],
]

export function rfcGraph(): Graph {
  return {
    nodes: NODES.map(([name, title]) => ({ name, title, dim: false })),
    edges: EDGES.map(([from, to, cause]) => ({ from, to, causes: [cause] })),
  }
}

/** What causes an edge, short enough to stand beside it: what is done to the TCB goes without saying. */
export function rfcLabel(cause: string): string[] {
  return cause
    .replace(/, if .*/, '')
    .split(' / ')
    .map(part => part.replace(/(create|delete) TCB(, )?/, ''))
    .filter(part => part !== '')
    .flatMap(part => (part.length > LABEL ? part.split(' and ') : [part]))
}

/** Letters of a line of a label. */
const LABEL = 16
