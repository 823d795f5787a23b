/** The navigation is docs/README.md's: its headings, and below each the documents of its table. */

import { join } from 'node:path/posix'
import { placeOf } from './documents.mjs'

const LINK = /\[([^\]]+)\]\(([^)#]+)\)/g

/** => { title, pages: { name, to }[] } for each heading; Throws Error for a document that is not there. */
export function navigation(text) {
  return text
    .split(/^## /m)
    .slice(1)
    .map(part => {
      const [title = '', ...lines] = part.split('\n')
      const rows = lines.filter(line => line.startsWith('| ') && line.includes(']('))
      const pages = rows.flatMap(line =>
        [...line.matchAll(LINK)].map(([, name, path]) => page(name, path)),
      )
      return { title, pages }
    })
}

function page(name, path) {
  const to = placeOf(join('docs', path))
  if (to === undefined) throw new Error(`docs/README.md: ${path} is not on the site`)
  return { name: name.replace(/\.md$/, ''), to }
}
