/** The program of a NIC, or why there is none: nothing of a kernel is needed to know. */

import { fromNicProgram } from '../../io/nic-bpf.ts'
import type { Ours } from './device.ts'

/** Of the NIC, which brings to `tap` what is ours. Throws Error, with what to do, if that is more than one program has room for. */
export function programOf(tap: number, ours: Ours): Uint8Array {
  try {
    return fromNicProgram({ tap, ...ours })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const what = 'addresses, real servers of NAT, criteria of SNAT and routes'
    // No RangeError: less memory would not mend it.
    throw new Error(`more ${what} than the program of a NIC has room for: take some away`)
  }
}
