/** What a capture says of itself. */

import { release, type } from 'node:os'
import type { ConfigArm } from '../../config/arms.ts'
import type { CaptureHead } from '../../see/capture/capture-file.ts'
import { version } from '../system/version.ts'

/** `comment` says why it was made: the words of a filter, or what happened. */
export type HeadOf = (comment: string, snaplen: number) => CaptureHead

/** `arms` are those of the config that runs when somebody asks. */
export function captureHead(arms: () => readonly ConfigArm[]): HeadOf {
  return (comment, snaplen) => ({
    application: `tapvs ${version}`,
    os: `${type()} ${release()}`,
    comment,
    arms: arms().map(arm => ({ name: arm.name, description: descriptionOf(arm) })),
    snaplen,
    otherArm: 'health checks',
  })
}

function descriptionOf({ addresses, localAddresses }: ConfigArm): string {
  const side = localAddresses.length > 0 ? 'towards the real servers' : 'towards the clients'
  return [side, ...addresses.map(({ address }) => address)].join(', ')
}
