/** Flame graphs: stacks in, boxes out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addStack, flameSvg, newFlame } from '../../bench/flame.ts'
import { perfTree } from '../../bench/lab/profile.ts'

test('a box is as wide as its share, above its caller, and carries its name', () => {
  const tree = newFlame()
  addStack(tree, ['input', 'decode<int>'], 3)
  addStack(tree, ['input', 'find'], 1)
  const svg = flameSvg(tree)
  assert.match(svg, /viewBox="0 -36 1000 36"/)
  assert.match(svg, /<title>input 100\.0 %<\/title><rect x="0\.0" y="-18" width="1000\.0"/)
  assert.match(
    svg,
    /<title>decode&#60;int&#62; 75\.0 %<\/title><rect x="0\.0" y="-36" width="750\.0"/,
  )
  assert.match(svg, /<title>find 25\.0 %<\/title><rect x="750\.0"/)
})

test("perf's stacks", () => {
  // Of `perf script -F comm,ip,sym` on a worker, shortened.
  const script = `node 
\tffffffff81b6c1f0 tun_do_read+0x10
\tffffffff81000134 entry_SYSCALL_64_after_hwframe
\t    7f84c2d1a3e0 __GI___libc_read+0x4d
\t    7f84b005be85 JS:*#pump file:///srv/tapvs/dist/src/io/loop.js:100:10
\t               0 [unknown]

node 
\t    7f84b005be85 JS:*#pump file:///srv/tapvs/dist/src/io/loop.js:100:10
`
  const tree = perfTree(script)
  assert.equal(tree.weight, 2)
  const pump = tree.calls.get('#pump')
  assert.equal(pump?.weight, 2)
  assert.deepEqual([...(pump?.calls.keys() ?? [])], ['__GI___libc_read'])
})
