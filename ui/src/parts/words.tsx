/** The words of the field once more, for who has no mouse to point at them. */

import { TERMS } from './term.tsx'

export function Words() {
  return (
    <details class="words">
      <summary>Words used on this page</summary>
      <dl>
        {Object.entries(TERMS).map(([term, meaning]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
