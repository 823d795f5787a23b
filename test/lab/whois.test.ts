/** Who is behind LIP:lport, against those who know: the RS, which names its peers, and the clients, which chose their ports. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { TapvsClient } from '../../src/client/index.ts'
import { timeText } from '../../src/see/text/times.ts'
import {
  CIP,
  LIP,
  labForTests,
  mustTapvs,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'
import { hold, iso, OTHER, only, portOf, seenByRs, whois, whoisConfig } from '../kit/whois.ts'

const folder = scratchFolder()
const config = whoisConfig(folder, 'whois', join(folder, 'history.sqlite'))
const lab = labForTests('whois', { config, clients: 2 })

test('now: every client that the RS sees, on every worker, and back', async () => {
  const ends: [address: string, port: number][] = [0, 1].flatMap(worker => [
    [CIP, portOf(CIP, worker, 41_000)],
    [OTHER, portOf(OTHER, worker, 45_000)],
  ])
  const before = Date.now()
  const held = []
  for (const [address, port] of ends) held.push(await hold(lab, address, port))
  const seen = await seenByRs(lab)
  const workers = new Set<number>()
  for (const [address, port] of ends) {
    const lip = seen.get(`c${port}`) as string
    assert.match(lip, new RegExp(`^${LIP}:\\d+$`))
    const info = await whois(lab, lip)
    const { opened_ms: openedMs, worker, ...conn } = only(info)
    assert.deepEqual(conn, {
      protocol: 'tcp',
      client: `${address}:${port}`,
      vip: `${VIP}:6379`,
      lip,
      rs: `${RIP}:6379`,
      forwarding: 'fullnat',
      check: false,
      state: 'ESTABLISHED',
      ended: null,
    })
    workers.add(worker)
    assert.ok((openedMs ?? 0) > before - 20 && (openedMs ?? 0) <= Date.now() + 20)
    assert.equal(only(await whois(lab, `${address}:${port}`)).lip, lip)
    assert.deepEqual((await whois(lab, lip, '--rs', '192.168.168.99')).conns, [])
  }
  assert.deepEqual(workers, new Set([1, 2]))
  const [lip] = seen.values()
  assert.match(
    await mustTapvs(lab, 'whois', lip as string),
    /^protocol +client +vip .*\ntcp +\S+ .* now +ESTABLISHED /,
  )
  await Promise.all(held.map(one => one.end()))
})

test('then: after it ended, by time, in both directions, and by the client library', async () => {
  await untilNoConns(lab)
  const port = portOf(CIP, 0, 42_000)
  const held = await hold(lab, CIP, port)
  const lip = (await seenByRs(lab)).get(`c${port}`) as string
  const during = Date.now()
  await held.end()
  await untilNoConns(lab)
  const now = await whois(lab, lip)
  assert.deepEqual([now.conns, now.last?.client], [[], `${CIP}:${port}`])
  const then = await whois(lab, `${lip}@${iso(during)}`)
  const { ended, client, opened_ms: openedMs } = only(then)
  assert.deepEqual([client, ended?.how, then.gaps], [`${CIP}:${port}`, 'fin_client', []])
  assert.equal(only(await whois(lab, `${CIP}:${port}@${iso(during)}`)).lip, lip)
  const time = timeText(during * 1000, Date.now() * 1000).replace(/:\d\d\.\d+/, '')
  assert.ok(
    (await whois(lab, `${lip}@${time}`)).conns.some(conn => conn.client === client),
    time,
  )
  assert.deepEqual((await whois(lab, `${lip}@${iso((openedMs as number) - 500)}`)).conns, [])
  assert.deepEqual((await whois(lab, `${lip}@${iso((ended?.at_ms as number) + 100)}`)).conns, [])

  const tapvs = new TapvsClient({ socket: lab.paths.socket })
  const [address = '', lport] = lip.split(':')
  const [found] = (await tapvs.whois({ address, port: Number(lport), from: new Date(during) }))
    .conns
  assert.equal(found?.client, client)
  assert.deepEqual((await tapvs.whois({ address, port: Number(lport) })).conns, [])
  tapvs.close()
})

test('what nobody can answer is one line', async () => {
  const failed = async (...argv: string[]) => {
    const { code, stderr } = await lab.tapvs(['whois', ...argv], { timeoutMs: 5000 })
    return [code, stderr.trimEnd()]
  }
  assert.deepEqual(await failed(`${LIP}:80`), [1, 'tapvs: lports are 1025-65535, found 80'])
  const { code, stdout } = await lab.tapvs(['whois', '192.168.168.9:1025'], { timeoutMs: 5000 })
  assert.equal(code, 1)
  assert.match(
    stdout,
    /^no client 192\.168\.168\.9:1025 has a connection now, and .* \(LIPs: 192\.168\.168\.7\)/,
  )
  assert.match(
    await mustFail(`${LIP}:1025@1971-01-01T00:00Z`),
    /^history reaches back to .*; nothing is known of before$/m,
  )
})

async function mustFail(question: string): Promise<string> {
  const { code, stdout } = await lab.tapvs(['whois', question], { timeoutMs: 5000 })
  assert.equal(code, 1)
  return stdout
}
