/**
 * A netlink socket in a namespace, and what the kernel says of a TAP. The socket stays in the namespace in which it was
 * made, so the thread is inside for that one call only. It must never be subscribed to events: netlink 0.3.0 aborts the
 * process when its receive buffer overflows. Its errors are plain text.
 */

import { createRtNetlink, type RtNetlinkSocket } from 'netlink'
import { enterNetns, leaveNetns } from '../io/native.ts'

export const AF_INET = 2
/** Without a limit a lost reply would be waited for for ever. */
export const REQUEST = { timeout: 3000 }

const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_TUN_TYPE = 3
const IFLA_TUN_PERSIST = 6
const IFLA_TUN_MULTI_QUEUE = 7
const IFLA_TUN_NUM_QUEUES = 8
const IFF_TAP = 2

type RtOptions = NonNullable<Parameters<typeof createRtNetlink>[0]>

/** `path` is a namespace file, '' for our own. Rejects as enterNetns throws, and with what `work` throws. */
export async function withRtNetlink<T>(
  path: string,
  work: (rt: RtNetlinkSocket) => Promise<T>,
): Promise<T> {
  // The typings wrongly require the two buffer sizes.
  const rt = insideNetns(path, () => createRtNetlink({ ref: false } as RtOptions))
  try {
    return await work(rt)
  } finally {
    rt.socket.close()
  }
}

/** The callback must be synchronous: what awaits would carry the namespace into other code. */
export function insideNetns<T>(path: string, callback: () => T): T {
  if (path === '') return callback()
  const home = enterNetns(path)
  try {
    return callback()
  } finally {
    leaveNetns(home)
  }
}

export interface TunInfo {
  isTap: boolean
  persistent: boolean
  multiQueue: boolean
  /** Of a multi-queue TAP: how many processes' descriptors are attached. */
  queues: number
}

/** Of the raw attribute `linkinfo` of a link. */
export function tunInfo(linkinfo: Buffer | undefined): TunInfo {
  const info = attributes(linkinfo)
  const kind = info.get(IFLA_INFO_KIND)?.toString('latin1').replace(/\0.*/, '')
  const tun = attributes(info.get(IFLA_INFO_DATA))
  return {
    isTap: kind === 'tun' && tun.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP,
    persistent: tun.get(IFLA_TUN_PERSIST)?.[0] === 1,
    multiQueue: tun.get(IFLA_TUN_MULTI_QUEUE)?.[0] === 1,
    queues: tun.get(IFLA_TUN_NUM_QUEUES)?.readUInt32LE() ?? 0,
  }
}

/** A list of length, type, value, padded to four bytes. */
function attributes(raw: Buffer | undefined): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 0; raw !== undefined && at + 4 <= raw.length; ) {
    const length = raw.readUInt16LE(at)
    if (length < 4) break
    found.set(raw.readUInt16LE(at + 2) & 0x3fff, raw.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return found
}
