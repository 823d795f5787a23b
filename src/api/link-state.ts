/** What is known of the device of an arm, in one shape for all who show it. */

export interface LinkState {
  /** Frames can pass, as far as we know. */
  up: boolean
  /** Whether the device is switched on (`ip link set ARM up`). gone: there is none; unknown: it was renamed or moved, or cannot be looked at. */
  admin: 'up' | 'down' | 'gone' | 'unknown'
  /** Whether it has a carrier; never up while it is switched off. */
  link: 'up' | 'down' | 'unknown'
  /** The namespace that the config names was deleted; only the device keeps it alive. */
  orphaned: boolean
}

/** Of one with which nothing is wrong. */
export const LINK_UP: LinkState = { up: true, admin: 'up', link: 'up', orphaned: false }

/** `admin up link up` */
export function linkWords({ admin, link, orphaned }: Omit<LinkState, 'up'>): string {
  return `admin ${admin} link ${link}${orphaned ? ', its namespace was deleted' : ''}`
}
