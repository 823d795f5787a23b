/** Match services under /v2, by the `Match` of dpvs-agent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange } from '../../../src/client/exchange.ts'
import { serve } from '../../kit/api.ts'
import { modelControl } from '../../kit/control.ts'

const ANY = '/vs/0.0.0.0-0-tcp'
const CRITERIA = 'from=10.0.0.1-10.0.0.9,oif=int0'
const VS = `/vs/${CRITERIA}-0-tcp`
const Match = {
  Src: { Start: '10.0.0.1', End: '10.0.0.9' },
  Dest: { Start: '0.0.0.0', End: '0.0.0.0' },
  InIfName: '',
  OutIfName: 'int0',
}
const OUTSIDE = { ip: '192.168.168.7', port: 0, weight: 9, mode: 'SNAT' }

test('a match service is added, changed, listed and deleted as the agent has it', async t => {
  const { path: socket } = await serve(t, modelControl().respond)
  const call = async (method: string, path: string, body?: object): Promise<[number, never]> => {
    const options = { method, path: `/v2${path}`, body: body && JSON.stringify(body) }
    const { status, text } = await exchange({ socket }, options, 5000)
    return [status, (text === '' ? undefined : JSON.parse(text)) as never]
  }
  const refused = async (path: string, body: object, status: number, message: RegExp) => {
    const [got, text] = await call('PUT', path, body)
    assert.equal(got, status, text)
    assert.match(text, message)
  }
  assert.equal((await call('PUT', ANY, { SchedName: 'rr', Match }))[0], 201)
  assert.equal((await call('PUT', ANY, { SchedName: 'wlc', ConnTimeout: 60, Match }))[0], 200)
  assert.equal((await call('PUT', `${VS}/rs`, { Items: [OUTSIDE] }))[0], 201)
  assert.equal((await call('PUT', `${VS}/rs`, { Items: [{ ...OUTSIDE, weight: 5 }] }))[0], 200)

  const [, { Items }] = (await call('GET', '/vs')) as [number, { Items: Record<string, unknown>[] }]
  const [vs] = Items
  assert.ok(vs && Items.length === 1)
  const { Addr, Port, SchedName, ConnTimeout, RSs } = vs
  assert.deepEqual([Addr, Port, SchedName, ConnTimeout], [CRITERIA, 0, 'wlc', 60])
  assert.deepEqual(vs.Match, { ...Match, Dest: { Start: '', End: '' } })
  const [{ Spec }] = (RSs as { Items: [{ Spec: object }] }).Items
  const flags = { inhibited: false, overloaded: false }
  assert.deepEqual(Spec, { ...OUTSIDE, weight: 5, ...flags })
  // What was listed names and describes it.
  assert.equal((await call('PUT', VS, { SchedName: 'wlc', Match: vs.Match }))[0], 200)

  await refused(ANY, {}, 460, /port 0 is of a service with a Match/)
  await refused('/vs/10.0.0.1-80-tcp', { Match }, 460, /port 0 in the path/)
  await refused(VS, { Match: { InIfName: 'int0' } }, 460, /as in the path, found iif=int0/)
  await refused(ANY, { Match: { Src: { Start: 'x' } } }, 460, /Match: expected an address/)
  await refused(ANY, { Timeout: 9, Match }, 460, /no persistence/)
  await refused(`${VS}/rs`, { Items: [{ ...OUTSIDE, mode: 'DR' }] }, 461, /no forwarding/)
  await refused(`${VS}/laddr`, { addr: '192.168.168.8', device: 'int0' }, 461, /add-lip/)
  assert.equal((await call('GET', '/vs/from=10.0.0.1-80-tcp'))[0], 404)

  assert.equal((await call('DELETE', `${VS}/rs`, { Items: [OUTSIDE] }))[0], 200)
  assert.equal((await call('DELETE', VS))[0], 200)
  assert.equal((await call('GET', '/vs'))[0], 204)
  const six = { Src: { Start: '::', End: '::' }, OutIfName: 'int0' }
  assert.equal((await call('PUT', ANY, { Match: six }))[0], 201)
  const [, listed] = await call('GET', '/vs/oif=int0,af=ipv6-0-tcp')
  assert.equal((listed as { Items: { Af: number }[] }).Items[0]?.Af, 10)
  // Pings are of such services alone.
  assert.equal((await call('PUT', ANY.replace('tcp', 'icmp'), { Match: six }))[0], 201)
  const [, pings] = await call('GET', '/vs/oif=int0,af=ipv6-0-icmp')
  const [{ Proto, Af } = {}] = (pings as { Items: { Proto?: number; Af?: number }[] }).Items
  assert.deepEqual([Proto, Af], [1, 10])
  assert.match((await call('GET', '/vs/10.0.0.1-80-icmp'))[1], /icmp is of services with a Match/)
})
