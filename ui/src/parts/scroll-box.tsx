/** What is wider than a small screen scrolls inside of its own box, by keyboard too, and shades where there is more. */

import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { useSides } from './use-sides.ts'

export function ScrollBox(props: { label: string; class?: string; children: ComponentChildren }) {
  const { label, children } = props
  const box = useRef<HTMLElement>(null)
  const sides = useSides(box)
  return (
    <div class="sideways" data-more={sides}>
      <section
        ref={box}
        class={props.class ?? 'scroll-box'}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys must reach what is outside of the box
        tabIndex={0}
      >
        {children}
      </section>
    </div>
  )
}
