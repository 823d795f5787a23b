/** The files of the page: what `npm run build:ui` left in dist/ui, read once. */

import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import { byWord } from '../../see/text/by-word.ts'
import { inDist } from '../system/built-file.ts'

const BUILT = inDist('ui')

export const NOT_BUILT = 'the page is not built; run: npm run build:ui'

const TYPES: Readonly<Record<string, string>> = byWord({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
})

export interface PageFile {
  type: string
  /** Of the Cache-Control header. */
  cache: string
  bytes: Buffer
  /** The same, shorter; worth it behind a tunnel. */
  gzip: Buffer
}

/** By path of the URL; `/` is index.html. Empty if the page is not built. */
export function pageFiles(folder = BUILT): Map<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const name of names(folder)) {
    const bytes = readFileSync(join(folder, name))
    const path = `/${name.split(sep).join('/')}`
    // Vite names what is in assets/ after its content.
    const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store'
    const type = TYPES[extname(name)] ?? 'application/octet-stream'
    files.set(path, { type, cache, bytes, gzip: gzipSync(bytes) })
  }
  const index = files.get('/index.html')
  if (index) files.set('/', index)
  return files
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch {
    return []
  }
}
