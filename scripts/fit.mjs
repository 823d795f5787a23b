// What a release must not be without: `npm publish` asks (scripts/prepack.mjs).

import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where users find it. package.json has none of them until somebody decides where this is published: docs/releasing.md. */
const ADDRESSES = ['repository', 'homepage', 'bugs']
const FILES = ['x64', 'arm64'].flatMap(arch =>
  ['arm.node', 'unprivileged'].map(name => `prebuilds/linux-${arch}/${name}`),
)

/** `about` is package.json, `commit` what commitOf() says. => what is missing of `root`, in words */
export function missing(about, commit, root) {
  return [
    ...ADDRESSES.filter(key => !about[key]).map(key => `"${key}" in package.json`),
    ...FILES.filter(file => !existsSync(join(root, file))),
    ...(/^[0-9a-f]+$/.test(commit) ? [] : ['commit without changes since']),
  ]
}
