/** Where what was compiled from native/ is. */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The code runs from dist/src/io, from src/io and from bundles in dist; package.json marks the root of all. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`)
    folder = above
  }
  return folder
}

/** What builds it anew. */
export function buildRemedy(): string {
  return `run: node ${join(packageRoot(), 'scripts', 'build-native.mjs')}`
}

/** => the file that was built here, else the one that the package brought for machines like this, if there is one */
export function builtFile(name: string): string | undefined {
  const root = packageRoot()
  const prebuilt = join('prebuilds', `${process.platform}-${process.arch}`)
  return ['build', prebuilt].map(folder => join(root, folder, name)).find(existsSync)
}

/**
 * The program that starts others without any right (native/launcher): its words are theirs. `-f` before them leaves the
 * right to open files of other users. Throws an Error in one line if it was not built.
 */
export function unprivileged(): string {
  const program = builtFile('unprivileged')
  if (program === undefined)
    throw new Error(`what takes rights from programs is not built; ${buildRemedy()}`)
  return program
}
