/** Name, ways to the views, whether the page is live, its keys and the theme. */

import { useEffect, useRef } from 'preact/hooks'
import { hashOf, VIEWS, type ViewId } from '../../../src/page/place.ts'
import { keyOf } from '../../../src/page/shortcuts.ts'
import { type Link, link } from '../daemon.ts'
import { helpOpen, keysOn } from '../keys.ts'
import { placeLeft } from '../place.ts'
import { theme, toggleTheme } from '../theme.ts'
import { useSides } from './use-sides.ts'

const LINK_WORDS: Record<Link, string> = {
  connecting: 'connecting',
  up: 'live',
  lost: 'no word',
  refused: 'refused',
}

export function TopBar({ view }: { view: ViewId }) {
  const other = theme.value === 'dark' ? 'light' : 'dark'
  return (
    <header class="top-bar">
      <h1>
        <a class="brand" href="#overview" aria-label="tapvs, to the overview">
          <Mark />
          <span>tapvs</span>
        </a>
      </h1>
      <Views view={view} />
      <span class={`link link-${link.value}`} title="Whether the daemon is heard every second">
        {LINK_WORDS[link.value]}
      </span>
      <button
        type="button"
        class="icon-button"
        data-testid="help"
        aria-label="Keys"
        aria-keyshortcuts={keysOn.value ? '?' : undefined}
        title="What single keys do (?)"
        onClick={() => {
          helpOpen.value = true
        }}
      >
        <span aria-hidden="true">?</span>
      </button>
      <button
        type="button"
        class="icon-button"
        data-testid="theme-toggle"
        aria-label={`Switch to the ${other} theme`}
        aria-keyshortcuts={keysOn.value ? 't' : undefined}
        title={`Switch to the ${other} theme (t)`}
        onClick={toggleTheme}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          {other === 'light' ? (
            <path d="M10 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10 1v2M10 17v2M1 10h2M17 10h2M3.6 3.6 5 5M15 15l1.4 1.4M3.6 16.4 5 15M15 5l1.4-1.4" />
          ) : (
            <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z" />
          )}
        </svg>
      </button>
    </header>
  )
}

function Views({ view }: { view: ViewId }) {
  const nav = useRef<HTMLElement>(null)
  const sides = useSides(nav)
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a small screen the mark goes out of sight when it moves
  useEffect(() => {
    const here = nav.current?.querySelector<HTMLElement>('[aria-current]')
    if (here) nav.current?.scrollTo({ left: here.offsetLeft - nav.current.offsetLeft - 40 })
  }, [view])
  return (
    <div class="sideways views" data-more={sides}>
      <nav ref={nav} aria-label="Views">
        <ul>
          {VIEWS.map(({ id, title }) => (
            <li key={id}>
              <a
                // Where it was left: a search is still there when one comes back.
                href={hashOf(placeLeft(id))}
                aria-current={view === id ? 'page' : undefined}
                aria-keyshortcuts={keysOn.value ? keyOf(id) : undefined}
                title={`${title} (${keyOf(id)})`}
              >
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </div>
  )
}

/** Two arms and a box between. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 16" aria-hidden="true">
      <path d="M0 8h7M17 8h7" />
      <rect x="7" y="2" width="10" height="12" rx="2" />
    </svg>
  )
}
