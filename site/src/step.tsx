/** One step: what the log says of it, and the connections behind it, as the command line prints them. */

import type { Played } from '../../src/play/played.ts'
import { Panel, Printed } from './panel.tsx'

export function Step({ played, step }: { played: Played; step: number }) {
  const { steps } = played
  // Behind the last packet the timers have run on; the last packet is what one wants to read of.
  const packets = steps.slice(0, step)
  const index = packets.findLastIndex(one => one.said.length > 0 || 'packet' in one.given)
  const now = steps[index]
  const before = steps.slice(0, step).at(-1)
  const rows = before?.conns ?? []
  return (
    <>
      <Panel id="log" title="Debug log">
        <p class="facts">{now ? `at ${now.atMs} ms` : 'nothing yet'}</p>
        <Printed
          label="Debug log of this step"
          lines={now?.said.length ? now.said : ['(nothing)']}
        />
      </Panel>
      <Panel id="table" title="ipvsadm -ln -c">
        <p class="facts">the connection table {before ? `at ${before.atMs} ms` : 'before'}</p>
        <Printed label="Connection table" lines={rows.length > 0 ? rows : ['(no connection)']} />
      </Panel>
    </>
  )
}
