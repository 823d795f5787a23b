/** Files that the compiler and scripts/bundle.mjs have made. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageRoot } from '../../io/built.ts'

/** => where `dist/PATH` of this program is */
export function inDist(...path: string[]): string {
  return join(packageRoot(), 'dist', ...path)
}

/** => where what the compiler has made of src/PATH is, for who loads it by its file: of a bundle, that of the program if there is one */
export function compiled(path: string): URL {
  const bundled = inDist('bundle', 'program', path)
  const isBundle = fileURLToPath(import.meta.url).startsWith(inDist('bundle'))
  return pathToFileURL(isBundle && existsSync(bundled) ? bundled : inDist('src', path))
}

export const KEPT_BUNDLE: string = inDist('bundle', 'kept.cjs')
export const WORKER_BUNDLE: string = inDist('bundle', 'worker.cjs')

/** => why no daemon can be started, and what to do, in a line; undefined if all of it is there */
export function bundleProblem(): string | undefined {
  const missing = [KEPT_BUNDLE, WORKER_BUNDLE].find(path => !existsSync(path))
  return missing && `the daemon is not built (no ${missing}); run: npm run build`
}
