/** What package.json says of tapvs: its version, and the oldest Node that it runs on. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../io/built.ts'

const about: { version: string; engines: { node: string } } = JSON.parse(
  readFileSync(join(packageRoot(), 'package.json'), 'utf8'),
)

export const version: string = about.version
export const leastNode: string = about.engines.node.replace('>=', '')
