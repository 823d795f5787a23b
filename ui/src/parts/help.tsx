/** What single keys do, and the switch for who does not want them. */

import { useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { ViewId } from '../../../src/page/place.ts'
import { SHORTCUTS } from '../../../src/page/shortcuts.ts'
import { helpOpen, keysOn, setKeysOn } from '../keys.ts'

export function Help({ view }: { view: ViewId }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useSignalEffect(() => {
    if (helpOpen.value) dialog.current?.showModal()
    else dialog.current?.close()
  })
  const close = () => {
    helpOpen.value = false
  }
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Keys</h2>
      <dl>
        {SHORTCUTS.map(({ key, about, action }) => (
          <div key={key} class={'go' in action && action.go === view ? 'help-here' : undefined}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{about}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>close this, or what a word means</dd>
        </div>
      </dl>
      <p class="facts">
        In a table: arrow keys, PageUp, PageDown, Home and End move; Enter shows a connection’s
        packets, or folds and unfolds a service.
      </p>
      <label class="help-switch">
        <input
          type="checkbox"
          checked={keysOn.value}
          onChange={event => setKeysOn(event.currentTarget.checked)}
        />{' '}
        Single keys do this while nobody types
      </label>
      <button type="button" class="button button-main" onClick={close}>
        Close
      </button>
    </dialog>
  )
}
