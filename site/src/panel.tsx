/** A part of the page under its heading. */

import type { ComponentChildren } from 'preact'
import { ScrollBox } from '../../ui/src/parts/scroll-box.tsx'

export function Panel(props: { id: string; title: string; children: ComponentChildren }) {
  const { id, title, children } = props
  return (
    <section id={id} class="panel" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  )
}

/** Lines as the command line prints them. */
export function Printed({ label, lines }: { label: string; lines: readonly string[] }) {
  return (
    <ScrollBox class="printed" label={label}>
      <pre>{lines.join('\n')}</pre>
    </ScrollBox>
  )
}
