/** The part of the config that is about seeing packets. */

import { bytesOf, type ConfigFile } from './schema.ts'

/** The flight recorder (watching.ts). */
export interface ConfigCapture {
  /** It is always on, and not only while somebody looks. */
  ring: boolean
  /** Of memory, for each worker. */
  bytes: number
  /** Bytes of each frame, unless somebody who looks wants more. */
  snaplen: number
  dump: ConfigDump | null
}

/** Files with what the recorder holds when a counter counts up (dumps.ts). */
export interface ConfigDump {
  /** Of a folder. */
  path: string
  /** Drops and events. */
  on: string[]
  /** Files; older ones are removed. */
  keep: number
}

export function captureOf({ ring, size, snaplen, dump }: ConfigFile['capture']): ConfigCapture {
  return {
    // Without a ring there would be nothing to dump.
    ring: ring || dump !== undefined,
    bytes: bytesOf(size),
    snaplen,
    dump: dump ?? null,
  }
}
