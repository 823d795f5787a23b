/** A part of the page under its heading. */

import type { ComponentChildren } from 'preact'

export function Panel(props: { id: string; title: string; children: ComponentChildren }) {
  const { id, title, children } = props
  return (
    <section id={id} class="panel" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  )
}

/** What may be wider than its room. */
export function Scrolls(props: { label: string; class: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class={props.class} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  )
}

/** Lines as the command line prints them. */
export function Printed({ label, lines }: { label: string; lines: readonly string[] }) {
  return (
    <Scrolls class="printed" label={label}>
      <pre>{lines.join('\n')}</pre>
    </Scrolls>
  )
}
