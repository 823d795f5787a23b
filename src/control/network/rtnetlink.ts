/**
 * A netlink socket in a namespace. The socket stays in the namespace in which it was
 * made, so the thread is inside for that one call only. It must never be subscribed to events: netlink 0.3.0 aborts the
 * process when its receive buffer overflows. Its errors are plain text.
 */

import { createRtNetlink, type RtNetlinkSocket } from 'netlink'
import { enterNetns, leaveNetns } from '../../io/native.ts'

export const AF_INET = 2
export const AF_INET6 = 10
/** Without a limit a lost reply would be waited for for ever. */
export const REQUEST = { timeout: 3000 }

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
