/** The scenario as a link, as a test of the tests, and as a capture. */

import { useState } from 'preact/hooks'
import { captureOf } from '../../src/play/capture.ts'
import type { Played } from '../../src/play/played.ts'
import { linkOf } from '../../src/play/scenario.ts'
import { transcriptOf } from '../../src/play/transcript.ts'
import { Panel } from './panel.tsx'

export function Share({ played }: { played: Played }) {
  const [said, setSaid] = useState('')
  const link = `${location.href.split('#')[0]}#${linkOf(played.scenario)}`
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link)
      setSaid('The link is copied.')
    } catch {
      setSaid('The browser does not let a page copy; here is the link to take by hand:')
    }
  }
  const save = (name: string, content: BlobPart, type: string) => {
    const url = URL.createObjectURL(new Blob([content], { type }))
    const anchor = document.createElement('a')
    anchor.href = url
    anchor.download = name
    anchor.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
    setSaid(`${name} is saved.`)
  }
  return (
    <Panel id="share" title="Take it along">
      <p class="buttons">
        <button type="button" class="button button-main" onClick={copy}>
          Copy link
        </button>
        <button
          type="button"
          class="button"
          onClick={() => save('playground.txt', transcriptOf(played), 'text/plain')}
        >
          Export transcript
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            save('playground.pcapng', captureOf(played) as BlobPart, 'application/octet-stream')
          }
        >
          Export pcapng
        </button>
      </p>
      <p role="status" class="facts">
        {said}
      </p>
      <p class="link-text">
        <a href={link}>{link}</a>
      </p>
    </Panel>
  )
}
