/** A million idle connections: they can be listed and searched, and neither stops the packets. */
// alone: it needs both cores and a bound on silence

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import type { ConnsInfo } from '../../src/api/page.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  countersOf,
  labConfig,
  labName,
  mustClient,
  mustTapvs,
  scratchFolder,
  tokenOf,
  VIP,
} from '../kit/lab.ts'

const CONNS = 1_000_000
const PORT = 7000
/** Each RS has the 64,511 lports of the one LIP to itself: their ports put them into 16 different pools. */
const SERVERS = 16
/** Nobody: the frames go out and are lost, so that no answer ends the connections. */
const NOBODY = '192.168.168.99'

const lab = new Lab(labName('million'))
const folder = scratchFolder()
before(async () => {
  const config = labConfig(folder, 'million', yaml => {
    yaml.set('connections', { table_size: 1_500_000 })
    // Off, as by default: a record of each of a million SYNs is not what is measured here.
    yaml.delete('capture')
    yaml.delete('history')
    const neighbour = { address: NOBODY, mac: '02:00:00:00:00:99' }
    yaml.setIn(['arms', 1, 'neighbours'], yaml.createNode([neighbour]))
    const servers = Array.from({ length: SERVERS }, (_, i) => ({ address: NOBODY, port: PORT + i }))
    const idle = { address: VIP, port: PORT, scheduler: 'rr', conn_timeout: 600 }
    yaml.addIn(['services'], yaml.createNode({ ...idle, real_servers: servers }))
  })
  await lab.up({ config, ui: 0 })
})
after(() => lab.down())

async function open(count: number): Promise<void> {
  const program = `${folder}/open-many`
  await mustRun([
    'cc',
    '-O2',
    '-Wall',
    '-Werror',
    '-o',
    program,
    `${CHECKOUT}/test/kit/open-many.c`,
  ])
  const [ext] = (await countersOf(lab)).arms
  assert.ok(ext)
  await mustClient(lab, [program, 'ext0', ext.mac, VIP, `${PORT}`, `${count}`, '125000'])
}

test('they are opened, and nothing is dropped for want of room', async () => {
  await open(CONNS)
  const { conns, drops, states } = await countersOf(lab)
  // What a TAP's queue lost is not there; the pace is for a machine that others use too.
  assert.ok(conns.used > CONNS * 0.98, `${conns.used} connections`)
  assert.ok((states.established ?? 0) > CONNS * 0.95, JSON.stringify(states))
  assert.equal(drops.conn_table_full, 0)
  assert.equal(drops.lport_exhausted, 0)
})

test('the first ones are listed well within a second, and the listing ends with its reader', async () => {
  const { paths } = lab
  const tapvs = `${CHECKOUT}/bin/tapvs --socket ${paths.socket}`
  const start = performance.now()
  const listed = await mustRun(['sh', '-c', `${tapvs} ipvsadm -ln -c | head -n 5`])
  const ms = performance.now() - start
  assert.equal(listed.trim().split('\n').length, 5)
  assert.match(listed, /^\[1\]tcp 600s +TCP_EST +11\.0\.0\./)
  assert.ok(ms < 1000, `${ms} ms`)
})

test('while all of them are listed, packets do not wait', async () => {
  // 200 us on an idle machine; a page of a thousand formatted by the worker would add a millisecond each time.
  const ping = () =>
    mustClient(lab, ['redis-cli', '-h', VIP, '--latency', '--raw', '-i', '2']).then(text => {
      const [min, max, average] = text.trim().split(/\s+/).map(Number)
      return { min, max, average }
    })
  const quiet = await ping()
  let listed = 0
  let done = false
  const reading = (async () => {
    while (!done) {
      for (let from = 0; from >= 0 && !done; ) {
        const page = await ask(lab.paths.socket, { verb: 'conns', from, limit: 1000 })
        listed += page.conns.length
        from = page.next
      }
    }
  })()
  const busy = await ping().finally(() => {
    done = true
  })
  await reading
  assert.ok(listed > 50_000, `${listed} listed`)
  const words = `quiet ${JSON.stringify(quiet)}, while listing ${JSON.stringify(busy)}`
  assert.ok((busy.average ?? 99) < (quiet.average ?? 0) + 1, words)
})

test('what a listing shows of all of them adds up', async () => {
  const seen = new Set<string>()
  let count = 0
  for (let from = 0; from >= 0; ) {
    const page = await ask(lab.paths.socket, { verb: 'conns', from, limit: 1000 })
    for (const { client, vip } of page.conns) {
      if (vip !== `${VIP}:${PORT}`) continue
      count++
      if (count % 100 === 0) seen.add(client)
    }
    from = page.next
  }
  const { conns } = await countersOf(lab)
  assert.ok(Math.abs(conns.used - count) < 100, `${count} of ${conns.used}`)
  assert.equal(seen.size, Math.floor(count / 100), 'each once')
})

test('the page finds its way through all of them', async () => {
  const url = new URL((await mustTapvs(lab, 'ui')).trim())
  const authorization = `Bearer ${tokenOf(url)}`
  const conns = async (query: string): Promise<ConnsInfo> => {
    const response = await fetch(`${url.origin}/ui/conns?${query}`, { headers: { authorization } })
    return (await response.json()) as ConnsInfo
  }
  const first = await conns('limit=1')
  const { conns: counted } = await countersOf(lab)
  assert.ok(first.total > counted.used * 0.9, `${first.total} from the first answer on`)
  const { total } = await until('the whole copy', { limitMs: 20_000, everyMs: 100 }, async () => {
    const answer = await conns('limit=1')
    return answer.complete ? answer : undefined
  })
  assert.ok(Math.abs(counted.used - total) < 100, `${total} of ${counted.used}`)
  // Some ports of some twenty clients, and of the LIP, wherever in the tables they are.
  const few = await conns(`search=:4242%20${VIP}&limit=1000`)
  assert.ok(few.matched > 10 && few.matched < 1000, `${few.matched} found`)
  for (const { client, lip } of few.rows) assert.match(`${client} ${lip}`, /:4242/)
  // A page far down is where the order says.
  const half = Math.floor(total / 2)
  const [above, below] = [
    await conns(`sort=lip&offset=${half}&limit=2`),
    await conns(`sort=lip&order=desc&offset=${total - half - 2}&limit=2`),
  ]
  assert.deepEqual(
    above.rows.map(({ lip }) => lip),
    below.rows.map(({ lip }) => lip).reverse(),
  )
})
