/**
 * The queues of an arm's TAP, one for each worker, and who reads which.
 *
 * With several workers each has a queue, and a BPF program on the device chooses the queue of the worker that owns the
 * packet. Where that is not possible (no right to load it, or switched off), the TAP has one queue, one worker reads it
 * and hands over what is not its own, and all write to it. A device without a program would spread flows over its
 * queues too, but it may move a flow from one to another while packets of it still wait in the first, and so reorder
 * them (drivers/net/tun.c, tun_flow_update); one reader cannot.
 */

import { closeFd, duplicateFd, type NativeError, openTap, QUEUE_MULTI, steer } from './native.ts'

export interface Queues {
  /** One descriptor for each worker, in their order; each belongs to its worker. */
  fds: number[]
  /** Why every worker does not read a queue of its own; undefined if they do, or there is one. */
  unsteered?: string
}

/** Which worker (index) reads an arm's only queue: the arms are dealt out, so that reading is shared too. */
export function readerOf(arm: number, workers: number): number {
  return arm % workers
}

/**
 * Opens or re-attaches the TAP `name` in the namespace file `netns` ('' for our own). `program` is what steers it, or
 * why nothing does. Throws NativeError.
 */
export function openQueues(
  name: string,
  netns: string,
  workers: number,
  program: Uint8Array | string,
): Queues {
  const fds = [open(name, netns)]
  try {
    if (workers === 1) return { fds }
    const refused = typeof program === 'string' ? program : steered(fds[0] as number, program)
    while (fds.length < workers) {
      fds.push(refused ? duplicateFd(fds[0] as number) : open(name, netns))
    }
    return refused ? { fds, unsteered: refused } : { fds }
  } catch (error) {
    for (const fd of fds) closeFd(fd)
    throw error
  }
}

/**
 * Always multi-queue: a persistent TAP can only be attached as it was made, and one queue of several costs nothing.
 */
function open(name: string, netns: string): number {
  try {
    return openTap(name, netns, QUEUE_MULTI)
  } catch (error) {
    // The kernel's word for a TAP that was made without multi_queue, which nobody would guess.
    const hint = `; a device ${name} that is there must be a TAP made with multi_queue`
    const { code, message } = error as NativeError
    if (code === 'EINVAL') (error as NativeError).message = message + hint
    throw error
  }
}

/** Attaches the program before the second queue is there. => '' or why it could not be */
function steered(fd: number, program: Uint8Array): string {
  try {
    steer(fd, program)
    return ''
  } catch (error) {
    return (error as NativeError).message
  }
}
