/** A grid (ARIA) of rows of the same height, of which those that are seen are in the document: where it is scrolled to, and its keys. */

import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { rowForKey } from '../../../src/page/row-keys.ts'
import { ROW_HEIGHT, scrollTo } from '../../../src/page/table-window.ts'

/** px; of the head, which stays on top. */
export const HEAD = 32

export interface Rows {
  box: RefObject<HTMLDivElement | null>
  scrollTop: number
  /** px that rows have. */
  viewport: number
  /** Number of the row that the keys have come to. */
  current: number
  setCurrent: (row: number) => void
  onScroll: () => void
  /** => whether the key was one that moves */
  onMove: (event: KeyboardEvent, total: number) => boolean
}

/** `question` is what the rows answer: another one begins at its first row. */
export function useRows(question: unknown): Rows {
  const box = useRef<HTMLDivElement>(null)
  const [scrollTop, setScrollTop] = useState(0)
  const [viewport, setViewport] = useState(420)
  const [current, setCurrent] = useState(0)
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => setViewport(element.clientHeight - HEAD))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    box.current?.scrollTo({ top: 0 })
    setCurrent(0)
  }, [question])
  const onMove = (event: KeyboardEvent, total: number) => {
    const page = Math.max(1, Math.floor(viewport / ROW_HEIGHT) - 1)
    const next = rowForKey(event.key, current, total, page)
    if (next === null) return false
    event.preventDefault()
    setCurrent(next)
    box.current?.scrollTo({ top: scrollTo(next, scrollTop, viewport, total) })
    return true
  }
  const onScroll = () => setScrollTop(box.current?.scrollTop ?? 0)
  return { box, scrollTop, viewport, current, setCurrent, onScroll, onMove }
}
