/** The version of tapvs, from its package.json: four folders up from dist/src/control/system. */

import { createRequire } from 'node:module'

export const version: string = createRequire(import.meta.url)('../../../../package.json').version
