/** Whether an element is on the screen of a window that somebody looks at. */

import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

export function useVisible(element: RefObject<Element | null>): boolean {
  const [inView, setInView] = useState(false)
  const awake = useAwake()
  useEffect(() => {
    if (!element.current) return
    const observer = new IntersectionObserver(
      entries => setInView(entries.at(-1)?.isIntersecting ?? false),
      // A little earlier, so that what comes into view is there already.
      { rootMargin: '200px' },
    )
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [element])
  return inView && awake
}

/** Whether the page is in front. */
export function useAwake(): boolean {
  const [awake, setAwake] = useState(!document.hidden)
  useEffect(() => {
    const look = () => setAwake(!document.hidden)
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  return awake
}
