/** Loads build/arm.node; its typed faces are native.ts and hold.ts. */

import { createRequire } from 'node:module'
import { buildRemedy, builtFile } from './built.ts'

/** `Face` is what of it the caller knows. Throws an Error in one line. */
export function loadAddon<Face>(): Face {
  const binary = builtFile('arm.node')
  if (binary === undefined) {
    const machine = `${process.platform} ${process.arch}`
    throw new Error(`the TAP addon is not built for ${machine}; ${buildRemedy()}`)
  }
  try {
    return createRequire(import.meta.url)(binary) as Face
  } catch (error) {
    // Of another C library or architecture.
    const [why] = (error as Error).message.split('\n')
    throw new Error(`the TAP addon does not load (${why}); ${buildRemedy()}`)
  }
}
