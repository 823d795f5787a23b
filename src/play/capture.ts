/** A scenario that was played as a pcapng file: both arms, a comment on each packet, as `tapvs capture` writes it. */

import { SENT_BYTES_MAX } from '../control/replay/rig.ts'
import { CaptureFile } from '../see/capture/capture-file.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { Played } from './played.ts'
import { linkOf } from './scenario.ts'

export function captureOf({ scenario, arms, steps }: Played): Uint8Array {
  const file = new CaptureFile({
    application: 'tapvs playground',
    os: '',
    comment: linkOf(scenario),
    arms: arms.map((name, i) => ({ name, description: i === 0 ? 'clients' : 'real servers' })),
    snaplen: SENT_BYTES_MAX - VNET.BYTES,
    otherArm: '',
  })
  const blocks = [
    ...file.begin(),
    ...steps.flatMap(({ moments }) => moments.flatMap(moment => file.moment(moment))),
    ...file.end(),
  ]
  const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0))
  let at = 0
  for (const block of blocks) {
    bytes.set(block, at)
    at += block.length
  }
  return bytes
}
