/** A part of the page: a heading, one sentence that says what one sees, and the thing itself. */

import type { ComponentChildren } from 'preact'

export interface SectionProps {
  id: string
  title: string
  /** One sentence. */
  about: ComponentChildren
  /** Beside the heading. */
  aside?: ComponentChildren
  children: ComponentChildren
}

export function Section({ id, title, about, aside, children }: SectionProps) {
  return (
    <section id={id} class="section" aria-labelledby={`${id}-title`}>
      <div class="section-head">
        <h2 id={`${id}-title`} tabIndex={-1}>
          {title}
        </h2>
        {aside}
      </div>
      <p class="about">{about}</p>
      {children}
    </section>
  )
}
