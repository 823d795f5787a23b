/** Segments in tcpdump's words, and what changed between two frames. */

import { changesOf } from '../../src/see/moments/changes.ts'
import { type TcpFields, tcpFrame } from './frame.ts'
import { parseTcp } from './notation.ts'

export const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
export const BASE = 'Flags [.], seq 1000, ack 2000, win 229'

/** A frame of a segment in tcpdump's words. */
export function frame(line: string, more: Partial<TcpFields> = {}): Uint8Array {
  return tcpFrame({ ...MACS, ...parseTcp(line), ...more })
}

export function client(rest: string, more?: Partial<TcpFields>): Uint8Array {
  return frame(`202.108.10.2.33896 > 202.108.10.1.6379: ${rest}`, more)
}

/** What changed, without what follows from every change. */
export function changed(before: Uint8Array, after: Uint8Array): string[] {
  return changesOf(before, after)
    .filter(({ what }) => !what.endsWith('checksum'))
    .map(({ what, before: was, after: is, delta }) =>
      [what, was, is, ...(delta === undefined ? [] : [delta])].join(' | '),
    )
}

export function withOptions(options: string, extra = ''): Uint8Array {
  return client(`${BASE}, options [${options}], length 0${extra}`)
}
