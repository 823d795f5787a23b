/** The page of `tapvs run --ui`. */

import { render } from 'preact'
import { App } from './app.tsx'
import { followKeys } from './keys.ts'
import { followAddress } from './place.ts'
import { takeToken } from './token.ts'
import './css/tokens.css'
import './css/page.css'
import './css/bar.css'
import './css/parts.css'
import './css/terms.css'
import './css/rows.css'
import './css/sideways.css'
import './css/sections.css'
import './css/services.css'
import './css/graph.css'
import './css/conns.css'
import './css/ladder.css'

takeToken()
followAddress()
followKeys()

const root = document.getElementById('app')
if (root) render(<App />, root)
