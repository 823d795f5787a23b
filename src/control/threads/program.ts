/** What packet threads run: worker.ts and all that it imports, in one file (scripts/bundle.mjs). */

import { pathToFileURL } from 'node:url'
import { inDist } from '../system/built-file.ts'

export const WORKER: URL = pathToFileURL(inDist('bundle', 'worker.cjs'))
