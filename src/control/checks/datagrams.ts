/**
 * Checks by UDP: a datagram goes out, and what comes back is judged. A datagram may be lost where nothing is wrong, so one
 * that is not answered is sent again while there is time.
 */

import { createSocket, type Socket } from 'node:dgram'
import { closeFd, socketIn } from '../../io/native.ts'
import { isIpv6Text } from '../../wire/ip-address.ts'
import type { Attempt } from './attempt.ts'
import { DnsQuery } from './dns.ts'

/** Sent again after each third of the time: three tries in all. */
const TRIES = 3

/** A query of DNS: an answer with its id, about its question and with one of the rcodes passes, any other is the reason. */
export async function probeDns(attempt: Attempt): Promise<void> {
  const { name, record, rcode } = attempt.check
  const query = new DnsQuery(name, record)
  await exchange(attempt, query.bytes, answer => query.isAnswered(answer, rcode))
}

/**
 * Any datagram: one that comes back passes if it holds what is expected. Without `reply` silence passes as well: only an ICMP
 * error says that nobody is there, as for keepalived's UDP_CHECK.
 */
export async function probeUdp(attempt: Attempt): Promise<void> {
  const { payload, expect, reply } = attempt.check
  const isExpected = (answer: Buffer) => {
    if (expect === null || answer.includes(expect)) return true
    throw new Error('the answer does not hold what is expected')
  }
  const exchanged = exchange(attempt, Buffer.from(payload, 'hex'), isExpected)
  await (reply || expect !== null ? exchanged : Promise.race([exchanged, silence(attempt)]))
}

/** Sends, again and again, until `judge` says that it was answered; it throws what is wrong with an answer. */
async function exchange(
  attempt: Attempt,
  bytes: Uint8Array,
  judge: (answer: Buffer) => boolean,
): Promise<void> {
  const socket = await dial(attempt)
  attempt.step = 'the answer'
  const { signal, check } = attempt
  await new Promise<void>((done, fail) => {
    socket.on('error', fail)
    socket.on('message', answer => {
      try {
        if (judge(answer)) done()
      } catch (error) {
        fail(error)
      }
    })
    const send = () => socket.send(bytes)
    const again = setInterval(send, (check.timeout * 1000) / TRIES)
    signal.addEventListener('abort', () => clearInterval(again), { once: true })
    send()
  })
}

/** Resolves a little before the time is over. */
async function silence({ check, signal }: Attempt): Promise<void> {
  await new Promise<void>(done => {
    const timer = setTimeout(done, check.timeout * 900)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

/** => a socket whose peer is the address to check, so that ICMP errors about it come here; it is closed with the attempt. */
async function dial({ netns, address, port, signal }: Attempt): Promise<Socket> {
  const isSix = isIpv6Text(address)
  const socket = createSocket(isSix ? 'udp6' : 'udp4')
  let isOpen = true
  signal.addEventListener('abort', () => {
    if (isOpen) socket.close()
    isOpen = false
  })
  // The listener stays: an error after the check has been judged must not end the process.
  socket.on('error', () => {})
  const fd = socketIn(netns, true, isSix)
  try {
    socket.bind({ fd })
  } catch (error) {
    closeFd(fd)
    throw error
  }
  await new Promise<void>((done, fail) => {
    socket.once('error', fail)
    socket.connect(port, address, () => done())
  })
  return socket
}
