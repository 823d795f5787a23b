/** Name, ways to the sections, whether the page is live, and the theme. */

import { useEffect, useRef } from 'preact/hooks'
import { type Link, link } from '../daemon.ts'
import { theme, toggleTheme } from '../theme.ts'
import { useSeen } from './use-seen.ts'

const LINK_WORDS: Record<Link, string> = {
  connecting: 'connecting',
  up: 'live',
  lost: 'no word',
  refused: 'refused',
}

export interface TopBarProps {
  sections: readonly { id: string; title: string }[]
}

export function TopBar({ sections }: TopBarProps) {
  const seen = useSeen(sections)
  const nav = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a small screen the mark goes out of sight when it moves
  useEffect(() => {
    const link = nav.current?.querySelector<HTMLElement>('[aria-current]')
    if (link) nav.current?.scrollTo({ left: link.offsetLeft - nav.current.offsetLeft - 40 })
  }, [seen])
  const other = theme.value === 'dark' ? 'light' : 'dark'
  return (
    <header class="top-bar">
      <h1>
        <a class="brand" href="#overview" aria-label="tapvs, to the top">
          <Mark />
          <span>tapvs</span>
        </a>
      </h1>
      <nav ref={nav} aria-label="Sections">
        <ul>
          {sections.map(({ id, title }) => (
            <li key={id}>
              <a href={`#${id}`} aria-current={seen === id ? 'location' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <span class={`link link-${link.value}`} title="Whether the daemon is heard every second">
        {LINK_WORDS[link.value]}
      </span>
      <button
        type="button"
        class="icon-button"
        data-testid="theme-toggle"
        aria-label={`Switch to the ${other} theme`}
        title={`Switch to the ${other} theme`}
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

/** Two arms and a box between. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 16" aria-hidden="true">
      <path d="M0 8h7M17 8h7" />
      <rect x="7" y="2" width="10" height="12" rx="2" />
    </svg>
  )
}
