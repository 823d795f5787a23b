/** Files that keepalived's `include` names: relative to the file that it stands in, `*` and `?` in the last name. */

import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Include } from './keepalived-text.ts'

export const includeFiles: Include = (pattern, from) => {
  const path = resolve(from === '-' ? '.' : dirname(from), pattern)
  const folder = dirname(path)
  if (/[*?[{]/.test(folder) || /[[{]/.test(basename(path))) {
    throw new Error(
      'only * and ? in the name of the file are understood; include the files one by one',
    )
  }
  try {
    const names = /[*?]/.test(basename(path)) ? matching(folder, basename(path)) : [basename(path)]
    if (names.length === 0) throw new Error('there is no such file')
    return names.map(name => {
      const file = join(folder, name)
      return { name: file, text: readFileSync(file, 'utf8') }
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? 'there is no such file' : message)
  }
}

function matching(folder: string, pattern: string): string[] {
  const regex = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return readdirSync(folder)
    .filter(name => !name.startsWith('.') && new RegExp(`^${regex}$`, 's').test(name))
    .sort()
}
