/** What packet threads run: worker.ts and all that it imports, in one file (scripts/bundle.mjs). */

import { pathToFileURL } from 'node:url'
import { WORKER_BUNDLE } from '../system/built-file.ts'

export const WORKER: URL = pathToFileURL(WORKER_BUNDLE)
