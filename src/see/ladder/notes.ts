/** What the engine said, as a line between the arrows. */

import { DROP_WORDS } from '../drops/drops.ts'
import type { Said } from '../moments/moment.ts'

/** The ladder shows a lookup's result and states by its arrows, and refusals at their ends. */
const SHOWN_BY_ARROWS: ReadonlySet<string> = new Set(['lookup', 'state', 'refused', 'not_syn'])

type Fields = Record<string, unknown>

/** undefined for what the arrows show already. */
export function noteOf({ event, text, fields }: Said): string | undefined {
  if (SHOWN_BY_ARROWS.has(event)) return undefined
  // A hit from the RS confirms its neighbour again and again.
  if (event === 'neigh' && fields.from === fields.to) return undefined
  const words = WORDS[event]
  // Read back from a capture, a line may have its text only.
  const whole = words?.needs.every(name => fields[name] !== undefined)
  return words && whole ? words.say(fields) : text.trim()
}

const WORDS: Readonly<Record<string, { needs: string[]; say: (fields: Fields) => string }>> = {
  scheduled: {
    needs: ['by', 'rs', 'weight', 'servers'],
    // Port 0 is of an address of ours, under which a host inside goes out (semantics 8.4).
    say: ({ by, rs, weight, servers }) =>
      `${by}: ${String(rs).endsWith(':0') ? 'address' : 'RS'} ${rs} of ${servers}, weight ${weight}`,
  },
  lport_fetched: {
    needs: ['lip', 'tried', 'free'],
    say: ({ lip, tried, free }) =>
      `lport ${lip}${tried ? `, ${tried} LIPs had none` : ''}, ${free} left`,
  },
  conn_new: {
    needs: ['delta'],
    // Only FullNAT, which is not named, has numbers of its own.
    say: ({ protocol, delta, forwarding }) =>
      protocol === 'UDP' || forwarding !== undefined
        ? 'opened'
        : `opened, seq +${Number(delta) >>> 0} towards the RS`,
  },
  conn_del: {
    needs: ['state'],
    say: ({ state, replaced, cut }) => {
      const why = replaced === true ? ': another takes its place' : cut === true ? ': cut' : ''
      return `ended, in ${state}${why}`
    },
  },
  conn_kept: {
    needs: ['state'],
    say: ({ state }) => `in place of one in ${state}: same RS, lport and delta`,
  },
  reset_rs: { needs: [], say: () => 'what the RS still has of it is reset' },
  reset: {
    needs: [],
    say: ({ why }) => `${why === 'cut' ? 'cut' : 'idle for too long'}: reset at both ends`,
  },
  parked_drop: {
    needs: ['reason'],
    say: ({ reason }) => `what was parked is dropped, ${reason}: ${DROP_WORDS[String(reason)]}`,
  },
  neigh: {
    needs: ['address', 'from', 'to'],
    say: ({ address, from, to }) => `neighbour ${address}: ${from} -> ${to}`,
  },
}
