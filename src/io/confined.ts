/** Filters of system calls, where the machine has them: one more step for who has got in, and nothing that packets need. */

import type { NativeError } from './native.ts'

/** Carries out confineThread or confineProcess; `warn` is told when the machine does not let it, and nothing else changes. */
export function ifConfined(confine: () => void, warn: (text: string) => void): void {
  try {
    confine()
  } catch (error) {
    const { code, message } = error as NativeError
    warn(`no filter of system calls (${code}: ${message}): one step less for who gets in`)
  }
}
