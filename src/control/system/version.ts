/** The version of tapvs, from its package.json. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../io/built.ts'

export const version: string = JSON.parse(
  readFileSync(join(packageRoot(), 'package.json'), 'utf8'),
).version
