/** A word with what it means: pressed, by a finger or a key too, it says so beside it; Escape closes that. */

import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'

export const TERMS = {
  VIP: 'the virtual address and port that clients connect to',
  LIP: 'the local address by which the balancer talks to real servers',
  lport: 'a port of a LIP; each connection holds one towards its real server',
  RS: 'real server: where the service really runs',
  arm: 'one of the balancer’s Ethernet ports: external towards clients, internal towards real servers',
  worker: 'a packet thread; each has its own tables and its share of the lports',
  FullNAT: 'both addresses of every packet are changed, so that answers come back by themselves',
  TOA: 'a TCP option that tells the real server the client’s address',
  weight: 'the share of new connections a real server gets; 0 gets none',
  active: 'connections in ESTABLISHED',
  inactive: 'connections in any other state',
  threshold: 'from so many connections on a real server gets no new ones',
  'takes new': 'it gets its share of new connections',
  full: 'it has reached its upper threshold and gets no new connections until there are fewer',
  drained: 'its weight is 0: it keeps its connections and gets no new ones',
  inhibited: 'its health checks fail, so it gets no new connections',
  backup: 'it gets new connections only while no other real server has a weight',
} as const

/** px between a word, what it means, and the window’s edge. */
const GAP = 6

interface TermProps {
  of: keyof typeof TERMS
  /** A comma or the like, which must not begin a line. */
  after?: string
  children?: ComponentChildren
}

export function Term({ of, after = '', children }: TermProps) {
  return (
    <span class="term-with">
      <Explain says={TERMS[of]}>{children ?? of}</Explain>
      {after}
    </span>
  )
}

/** The same of anything; `says` is one sentence. */
export function Explain({ says, children }: { says: string; children: ComponentChildren }) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  return (
    <>
      <button ref={button} type="button" class="term" title={says} popovertarget={id}>
        {children}
      </button>
      <span
        id={id}
        popover="auto"
        class="term-says"
        role="note"
        onToggle={event => {
          if (button.current) besides(event.currentTarget, button.current)
        }}
      >
        {says}
      </span>
    </>
  )
}

/** Below the word, or above it where there is no room, and inside of the window. */
function besides(box: HTMLElement, word: HTMLElement): void {
  const at = word.getBoundingClientRect()
  const { width, height } = box.getBoundingClientRect()
  const below = at.bottom + GAP
  const top = below + height > innerHeight ? at.top - height - GAP : below
  const left = Math.max(GAP, Math.min(at.left, document.documentElement.clientWidth - width - GAP))
  box.style.top = `${Math.max(GAP, top)}px`
  box.style.left = `${left}px`
}
