/** What is wider than a small screen scrolls inside of its own box, by keyboard too. */

import type { ComponentChildren } from 'preact'

export function ScrollBox({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys must reach what is outside of the box
    <section class="scroll-box" aria-label={label} tabIndex={0}>
      {children}
    </section>
  )
}
