/** The playground. */

import './shared-memory.ts'
import { render } from 'preact'
import { config } from 'zod'
import { Playground } from './playground.tsx'
import '../../ui/src/css/graph.css'
import '../../ui/src/css/ladder.css'
import '../css/play.css'
import '../css/play-side.css'

// What zod makes of schemas by eval, no page may with this policy.
config({ jitless: true })

const root = document.getElementById('play')
if (root) {
  root.textContent = ''
  render(<Playground />, root)
}
