/** What package.json says of tapvs, and of which commit it was built. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../io/built.ts'
import { inDist } from './built-file.ts'

const about: { version: string; engines: { node: string } } = JSON.parse(
  readFileSync(join(packageRoot(), 'package.json'), 'utf8'),
)
// scripts/bundle.mjs writes it.
const COMMIT = inDist('bundle', 'commit')
const commit = existsSync(COMMIT) ? readFileSync(COMMIT, 'utf8').trim() : ''

/** For documents, which are the same for each commit. */
export const release: string = about.version
/** As semver has it: `0.1.0+c47179de1234`; the release alone if nobody knows of which commit it was built. */
export const version: string = commit === '' ? release : `${release}+${commit}`
export const leastNode: string = about.engines.node.replace('>=', '')
