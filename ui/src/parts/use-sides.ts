/** To which sides an element can be scrolled, so that what is cut off says so. */

import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { sidesOf } from '../../../src/page/sideways.ts'

/** => `left right`, one of them, or empty */
export function useSides(element: RefObject<HTMLElement | null>): string {
  const [sides, setSides] = useState('')
  useEffect(() => {
    const box = element.current
    if (!box) return
    const look = () => setSides(sidesOf(box))
    const observer = new ResizeObserver(look)
    observer.observe(box)
    // What is inside may grow while the box does not.
    for (const child of box.children) observer.observe(child)
    box.addEventListener('scroll', look, { passive: true })
    return () => {
      observer.disconnect()
      box.removeEventListener('scroll', look)
    }
  }, [element])
  return sides
}
