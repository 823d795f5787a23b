/** Links of documents as links of pages. What is not on the site, sources above all, is named and not linked. */

import { dirname, join } from 'node:path/posix'
import { placeOf, toRoot } from './documents.mjs'

/** Headings get the names that GitHub gives them, which documents link to. */
export function slugOf(text) {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')
}

/** As a link of the page; undefined if it leads nowhere. */
export function linkOf(href, from) {
  if (/^(?:[a-z]+:|#)/.test(href)) return href
  const [path = '', fragment] = href.split('#')
  const target = placeOf(
    join(dirname(from), path)
      .replace(/^\.?\/?/, '')
      .replace(/\/$/, ''),
  )
  if (target === undefined) return undefined
  const here = placeOf(from) ?? ''
  return toRoot(`/${here}`) + target + (fragment === undefined ? '' : `#${fragment}`)
}

/** A plugin of markdown-it: `page.path` is the document's. */
export function linksOf(markdown) {
  markdown.core.ruler.push('links-of-pages', state => {
    const from = state.env.path
    for (const block of state.tokens) if (block.children) relink(block.children, from)
  })
  markdown.core.ruler.push('empty-headings', ({ tokens }) => emptyHeadings(tokens))
  // Wide tables and code scroll by themselves, and so take the focus.
  markdown.renderer.rules.table_open = () => '<div class="scrolls" tabindex="0"><table>'
  markdown.renderer.rules.table_close = () => '</table></div>\n'
  const { fence } = markdown.renderer.rules
  markdown.renderer.rules.fence = (...args) => fence(...args).replace('<pre', '<pre tabindex="0"')
}

/** A heading of a column that says nothing is none. */
function emptyHeadings(tokens) {
  tokens.forEach((token, i) => {
    if (token.type === 'th_open' && tokens[i + 1]?.content === '')
      token.tag = tokens[i + 2].tag = 'td'
  })
}

function relink(tokens, from) {
  const open = []
  for (const token of tokens) {
    if (token.type === 'image') {
      const source = linkOf(token.attrGet('src'), from)
      if (source === undefined) throw new Error(`${from}: no picture ${token.attrGet('src')}`)
      token.attrSet('src', source)
    } else if (token.type === 'link_open') {
      const href = linkOf(token.attrGet('href'), from)
      open.push(href)
      if (href === undefined) [token.tag, token.attrs] = ['span', null]
      else token.attrSet('href', href)
    } else if (token.type === 'link_close' && open.pop() === undefined) token.tag = 'span'
  }
}
