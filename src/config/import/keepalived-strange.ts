/** What is said of statements that are not carried over, so that none is lost in silence. */

import { nearest } from '../../see/text/nearest.ts'
import type { Collector } from './imported.ts'
import { type Block, isNeutral } from './keepalived-keywords.ts'
import type { Statement } from './keepalived-statement.ts'

/** All of `statement` is told by this. */
export function refuse(
  statement: Statement,
  what: string,
  why: string,
  collector: Collector,
  group?: string,
): void {
  statement.settle()
  collector.notCarried(statement.place, what, why, group)
}

/** Says why a statement means nothing here; `label` is what it is in, undefined at the top. */
export function strange(
  statement: Statement,
  { reasons, keywords }: Block,
  label: string | undefined,
  collector: Collector,
): void {
  const { keyword, text, said } = statement
  if (isNeutral(text)) {
    statement.settle()
    return
  }
  let why = Object.hasOwn(reasons, keyword) ? reasons[keyword] : undefined
  if (why === undefined) {
    const meant = nearest(keyword, keywords)
    why = `unknown keyword${meant === undefined ? '' : `; did you mean ${meant}?`}`
  }
  refuse(statement, `${said}${label === undefined ? '' : ` of ${label}`}`, why, collector, label)
}
