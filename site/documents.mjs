/** Which documents are pages, under which names, and which other files come along. */

import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const below = (folder, end) =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter(name => end.test(name))
    .map(name => `${folder}/${name}`)

const TOP = ['README', 'ARCHITECTURE', 'CHANGELOG', 'CONTRIBUTING', 'SECURITY'].map(
  name => `${name}.md`,
)

/** Paths in the checkout. */
export const documents = [
  ...TOP,
  'src/README.md',
  'test/README.md',
  'netns/README.md',
  'examples/README.md',
  ...below('docs', /\.md$/),
].sort()

export const files = [
  ...below('docs', /\.(svg|png|json)$/),
  ...below('examples', /\.(yaml|conf)$/),
  ...below('config', /\.yaml$/),
  ...below('dashboards', /\.json$/),
  'LICENSE',
].sort()

const isPage = new Set(documents)
const isFile = new Set(files)

/** `docs/concepts.md` is `docs/concepts.html`, and a README is the index of its folder. */
export function pageOf(path) {
  return path.replace(/(^|\/)README\.md$/, '$1index.html').replace(/\.md$/, '.html')
}

/** Where a path of the checkout, or a folder's, is on the site; undefined if it is not there. */
export function placeOf(path) {
  if (isPage.has(path)) return pageOf(path)
  if (isFile.has(path)) return path
  const readme = path === '' ? 'README.md' : `${path}/README.md`
  return isPage.has(readme) ? pageOf(readme) : undefined
}

/** From a page of this URL to the top: `../` for each folder. */
export function toRoot(url) {
  return '../'.repeat(url.split('/').length - 2) || './'
}
