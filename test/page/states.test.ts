/** The state machines of the page: ours is the engine's, the other one RFC 9293's; and which edges were just taken. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EdgeInfo } from '../../src/api/commands.ts'
import { UDP_STATE_NAMES } from '../../src/api/names.ts'
import { nextState } from '../../src/engine/states.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { balancerGraph, shortCauses } from '../../src/page/balancer-states.ts'
import { EdgeCounts } from '../../src/page/edge-counts.ts'
import { edgeKey, hiddenEdges, reachable } from '../../src/page/graph.ts'
import { BOX, layoutOf, pathOf } from '../../src/page/layout.ts'
import { rfcGraph, rfcLabel } from '../../src/page/rfc9293.ts'
import { shortDatagrams, udpGraph } from '../../src/page/udp-states.ts'

type StateName = keyof typeof State

const ours = balancerGraph()
const rfc = rfcGraph()
const FLAGS: Record<string, number> = { SYN: 2, FIN: 1, ACK: 16, RST: 4, 'no flag': 0 }

test('every state of the engine is drawn once, and those that no segment leads to are dim', () => {
  assert.deepEqual(ours.nodes.map(({ name }) => name).sort(), Object.keys(State).sort())
  const dim = ours.nodes.filter(node => node.dim).map(({ name }) => name)
  assert.deepEqual(dim, ['LAST_ACK', 'LISTEN', 'SYNACK'])
})

test('each edge is what the engine does, cause by cause, and nothing the engine does is missing', () => {
  const drawn = new Set<string>()
  for (const { from, to, causes } of ours.edges) {
    for (const cause of causes) {
      const [event = '', sender] = cause.split(' from ')
      const flags = FLAGS[event] ?? Number.NaN
      const after = nextState(sender === 'client' ? 0 : 1, State[from as StateName], flags)
      assert.equal(after, State[to as StateName], `${from} ${cause}`)
      drawn.add(`${from} ${cause}`)
    }
  }
  for (const { name, dim } of ours.nodes) {
    if (dim || name === 'NONE') continue
    for (const [event, flags] of Object.entries(FLAGS)) {
      for (const [sender, direction] of [
        ['client', 0],
        ['RS', 1],
      ] as const) {
        const stays =
          nextState(direction, State[name as StateName], flags) === State[name as StateName]
        assert.equal(
          drawn.has(`${name} ${event} from ${sender}`),
          !stays,
          `${name} ${event} ${sender}`,
        )
      }
    }
  }
})

test('only a SYN of the client opens a connection', () => {
  const opening = ours.edges.filter(({ from }) => from === 'NONE')
  assert.deepEqual(opening, [{ from: 'NONE', to: 'SYN_RECV', causes: ['SYN from client'] }])
})

test('causes in few letters', () => {
  assert.equal(shortCauses(['FIN from client']), '›FIN')
  assert.equal(shortCauses(['RST from RS', 'no flag from client']), '‹RST')
  assert.equal(shortCauses(['RST from client', 'RST from RS']), 'RST')
})

test('the diagram of RFC 9293 has its 11 states, all of them on a way round, and 21 edges', () => {
  const names = rfc.nodes.map(({ name }) => name)
  assert.equal(new Set(names).size, 11)
  assert.equal(new Set(rfc.edges.map(edgeKey)).size, 21)
  for (const name of names) assert.equal(reachable(name, rfc.edges).size, 11, name)
})

test('a label says what is done, but not to the TCB', () => {
  assert.deepEqual(rfcLabel('active OPEN / create TCB, snd SYN'), ['active OPEN', 'snd SYN'])
  assert.deepEqual(rfcLabel('timeout 2 MSL / delete TCB'), ['timeout 2 MSL'])
  assert.deepEqual(rfcLabel('rcv FIN and ACK of FIN / snd ACK'), [
    'rcv FIN',
    'ACK of FIN',
    'snd ACK',
  ])
  assert.deepEqual(rfcLabel('rcv RST, if it came from LISTEN'), ['rcv RST'])
})

test('boxes do not overlap, stay inside, and each edge has a way', () => {
  for (const graph of [ours, rfc]) {
    const layout = layoutOf(graph, () => ({ width: 60, height: 28 }))
    const places = [...layout.nodes]
    assert.equal(places.length, graph.nodes.length)
    places.forEach(([name, { x, y }], i) => {
      assert.ok(x >= BOX.width / 2 && x <= layout.width - BOX.width / 2, name)
      assert.ok(y >= BOX.height / 2 && y <= layout.height - BOX.height / 2, name)
      for (const [other, at] of places.slice(i + 1)) {
        const apart = Math.abs(x - at.x) >= BOX.width || Math.abs(y - at.y) >= BOX.height
        assert.ok(apart, `${name} and ${other}`)
      }
    })
    for (const edge of graph.edges) {
      assert.ok((layout.edges.get(edgeKey(edge))?.points.length ?? 0) >= 2, edgeKey(edge))
    }
  }
})

test('an edge that leads back begins where it begins', () => {
  const layout = layoutOf(ours, () => ({ width: 60, height: 28 }))
  const back = layout.edges.get('TIME_WAIT SYN_RECV')?.points
  const from = layout.nodes.get('TIME_WAIT')
  const to = layout.nodes.get('SYN_RECV')
  assert.ok(back && from && to && from.y > to.y)
  const [first, last] = [back[0], back.at(-1)]
  assert.ok(first && Math.abs(first.y - from.y) <= BOX.height / 2 + 1)
  assert.ok(last && Math.abs(last.y - to.y) <= BOX.height / 2 + 1)
})

test('a path goes from its first point to its last', () => {
  assert.equal(pathOf([]), '')
  assert.equal(
    pathOf([
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]),
    'M1.0 2.0L3.0 4.0',
  )
  const bent = pathOf([
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 10, y: 10 },
  ])
  assert.equal(bent, 'M0.0 0.0Q10.0 0.0 10.0 10.0')
})

function edge(over: Partial<EdgeInfo>): EdgeInfo {
  const base = { direction: 'in', event: 'syn', from: 'NONE', to: 'SYN_RECV' } as const
  return { ...base, count: 0, last: null, last_ms: null, ...over }
}

test('edges taken since the look before; none at the first one, and all after a new start', () => {
  const counts = new EdgeCounts()
  const look = (count: number, atMs: number) =>
    counts.add([edge({ count, last_ms: atMs })], atMs).get('NONE SYN_RECV')
  assert.equal(look(5, 1000)?.taken, 0)
  assert.equal(look(7, 2000)?.taken, 2)
  assert.equal(look(7, 3000)?.taken, 0)
  assert.equal(look(3, 4000)?.taken, 3)
})

test('rates of edges are means of five seconds, and not known at the first look', () => {
  const counts = new EdgeCounts()
  const look = (count: number, atMs: number) =>
    counts.add([edge({ count, last_ms: atMs })], atMs).get('NONE SYN_RECV')?.perSecond
  assert.equal(look(100, 0), null)
  assert.equal(look(110, 1000), 10)
  assert.equal(look(110, 2000), 5)
  for (const atMs of [3000, 4000, 5000]) assert.equal(look(110, atMs), 10_000 / atMs)
  assert.equal(look(110, 6000), 0)
})

test('several segments that lead the same way are one edge, with the last of them', () => {
  const both = { from: 'ESTABLISHED', to: 'CLOSE', event: 'rst' } as const
  const edges = new EdgeCounts().add(
    [
      edge({ ...both, direction: 'in', count: 2, last: 'RST of the client', last_ms: 20 }),
      edge({ ...both, direction: 'out', count: 3, last: 'RST of the RS', last_ms: 10 }),
      edge({ from: 'ESTABLISHED', to: 'ESTABLISHED', event: 'ack', count: 0 }),
    ],
    1000,
  )
  assert.equal(edges.size, 1)
  const { count, last } = edges.get('ESTABLISHED CLOSE') ?? {}
  assert.deepEqual([count, last], [5, 'RST of the client'])
})

test('edges that were never taken are left out, but for those of the state one looks at', () => {
  const none = hiddenEdges(ours, new Set(), null)
  assert.equal(none.size, ours.edges.length)
  const near = hiddenEdges(ours, new Set(['NONE SYN_RECV']), 'TIME_WAIT')
  const drawn = ours.edges.filter(one => !near.has(edgeKey(one)))
  assert.ok(drawn.length > 2)
  for (const { from, to } of drawn)
    assert.ok(from === 'NONE' || from === 'TIME_WAIT' || to === 'TIME_WAIT', `${from} ${to}`)
})

test('UDP: three states, left by datagrams of either side, as the engine does', () => {
  const udp = udpGraph()
  assert.deepEqual(
    udp.nodes.map(({ name }) => name),
    [...UDP_STATE_NAMES],
  )
  assert.deepEqual(udp.edges, [
    { from: 'UDP_NONE', to: 'UDP_ONEWAY', causes: ['datagram from client'] },
    { from: 'UDP_ONEWAY', to: 'UDP_NORM', causes: ['datagram from RS'] },
  ])
  assert.equal(shortDatagrams(udp.edges[1]?.causes ?? []), '‹datagram')
  const layout = layoutOf(udp, () => ({ width: 60, height: 28 }))
  assert.equal(layout.nodes.size, 3)
})
