/** Which section is in view, for the marks of the navigation. */

import { useEffect, useState } from 'preact/hooks'

/** The strip of the window, a third from its top, in which a section counts as looked at. */
const STRIP = '-30% 0px -65% 0px'

export function useSeen(sections: readonly { id: string }[]): string | undefined {
  const [seen, setSeen] = useState(sections[0]?.id)
  useEffect(() => {
    const observer = new IntersectionObserver(
      entries => {
        for (const { isIntersecting, target } of entries) if (isIntersecting) setSeen(target.id)
      },
      { rootMargin: STRIP },
    )
    for (const { id } of sections) {
      const element = document.getElementById(id)
      if (element) observer.observe(element)
    }
    return () => observer.disconnect()
  }, [sections])
  return seen
}
