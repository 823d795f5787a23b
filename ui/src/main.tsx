/** The page of `tapvs run --ui`. */

import { render } from 'preact'
import { App } from './app.tsx'
import { takeToken } from './token.ts'
import './css/tokens.css'
import './css/page.css'
import './css/parts.css'
import './css/sections.css'
import './css/graph.css'
import './css/conns.css'
import './css/ladder.css'

takeToken()

const root = document.getElementById('app')
if (root) render(<App />, root)
