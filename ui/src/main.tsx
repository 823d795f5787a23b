/** The page of `tapvs run --ui`. */

import { render } from 'preact'
import { App } from './app.tsx'
import './css/tokens.css'
import './css/page.css'
import './css/parts.css'
import './css/sections.css'
import './css/graph.css'
import './css/conns.css'
import './css/ladder.css'

// The token has become a cookie; nobody should find it in the address.
const url = new URL(location.href)
if (url.searchParams.has('token')) {
  url.searchParams.delete('token')
  history.replaceState(null, '', url)
}

const root = document.getElementById('app')
if (root) render(<App />, root)
