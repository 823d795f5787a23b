/** The playground. */

import './no-eval.ts'
import './shared-memory.ts'
import { render } from 'preact'
import { Playground } from './playground.tsx'
import '../../ui/src/css/graph.css'
import '../../ui/src/css/ladder.css'
import '../../ui/src/css/sideways.css'
import '../css/play.css'
import '../css/play-side.css'

const root = document.getElementById('play')
if (root) {
  root.textContent = ''
  render(<Playground />, root)
}
