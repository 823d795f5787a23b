/** The version of tapvs, from its package.json: three folders up from dist/src/control. */

import { createRequire } from 'node:module'

export const version: string = createRequire(import.meta.url)('../../../../package.json').version
