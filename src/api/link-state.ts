/** What is known of the device of an arm, in one shape for all who show it. */

import type { ArmInfo } from './commands.ts'

export type LinkState = Pick<ArmInfo, 'up' | 'admin' | 'link' | 'orphaned'>

/** Of one with which nothing is wrong. */
export const LINK_UP: LinkState = { up: true, admin: 'up', link: 'up', orphaned: false }

/** `admin up link up` */
export function linkWords({ admin, link, orphaned }: Omit<LinkState, 'up'>): string {
  return `admin ${admin} link ${link}${orphaned ? ', its namespace was deleted' : ''}`
}
