/** Instead of all views, for who has not the token. */

import { Section } from '../parts/section.tsx'

export function Refused() {
  return (
    <Section
      id="refused"
      title="This page needs its address"
      about="The address has a token in it, so that nobody else on this machine sees what you see; this tab has none, or one of a daemon that has ended."
    >
      <ol class="panel steps">
        <li>
          On the machine of the balancer: <code class="code">sudo tapvs ui</code>
        </li>
        <li>Open the address that it prints, in this tab if you like.</li>
      </ol>
    </Section>
  )
}
