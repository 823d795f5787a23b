/** The page of `tapvs run --ui`. */

import { render } from 'preact'

function App() {
  return <h1>tapvs</h1>
}

const root = document.getElementById('app')
if (root) render(<App />, root)
