/** The sources as text, for tests that hold them to the rules of the house. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'

export interface Source {
  path: string
  text: string
  lines: string[]
}

/** The TypeScript of a folder, tests and all. */
export function sources(folder: string): Source[] {
  return readdirSync(join(CHECKOUT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(entry => {
      const path = relative(CHECKOUT, join(entry.parentPath, entry.name))
      const text = readFileSync(join(CHECKOUT, path), 'utf8')
      return { path, text, lines: text.split('\n') }
    })
}

/** The text without comments, so that they may speak of what the code must not use. */
export function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

/** What is imported and exported again, types and `import()` too, as it is written. */
export function imports(text: string): string[] {
  return [
    ...code(text).matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)/gm),
  ].map(([, from, dynamic]) => from ?? dynamic ?? '')
}
