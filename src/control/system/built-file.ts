/** Files that the compiler and scripts/bundle.mjs have made. */

import { join } from 'node:path'
import { packageRoot } from '../../io/built.ts'

/** => where `dist/PATH` of this program is */
export function inDist(...path: string[]): string {
  return join(packageRoot(), 'dist', ...path)
}
