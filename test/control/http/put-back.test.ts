/**
 * What GET gives, PUT takes: services, real servers, timeouts and configs are sent back as they were read, and nothing
 * changes; with one key changed, that alone does.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as YAML from 'yaml'
import { CHECKOUT } from '../../../netns/topology.ts'
import { TapvsClient, type TapvsError } from '../../../src/client/index.ts'
import { openServer } from '../../../src/control/http/server.ts'
import { respond } from '../../../src/control/respond.ts'
import { socketPath } from '../../kit/api.ts'
import { paperDaemon } from '../../kit/control.ts'

const EXAMPLES = ['checked', 'like-dpvs', 'seven-workers', 'before-nginx', 'minimal']

const OWN_LEVELS = { level: 'warn', modules: { conn: 'debug', arm: 'error' } } as const

/** Of a daemon that runs a file. */
async function clientOf(t: TestContext, file: string, more: object = {}): Promise<TapvsClient> {
  const config = YAML.parse(readFileSync(join(CHECKOUT, file), 'utf8'))
  const daemon = paperDaemon({ ...config, ...more })
  const path = socketPath(t)
  const server = await openServer(path, request => respond(request, daemon))
  t.after(() => server.close())
  const tapvs = new TapvsClient({ socket: path })
  t.after(() => tapvs.close())
  return tapvs
}

for (const file of ['config/lab.yaml', ...EXAMPLES.map(name => `examples/${name}.yaml`)]) {
  test(`${file}: everything is put back`, async t => {
    const tapvs = await clientOf(t, file)
    const before = await tapvs.config()
    const services = await tapvs.services()
    assert.ok(services.length > 0)
    for (const service of services) {
      assert.deepEqual((await tapvs.editService(service, service)).steps, [])
      for (const server of service.real_servers)
        assert.deepEqual((await tapvs.editServer(service, server, server)).steps, [])
    }
    assert.deepEqual((await tapvs.setTimeouts(await tapvs.timeouts())).steps, [])
    assert.deepEqual(await tapvs.config(), before)
    const plan = await tapvs.applyConfig(before)
    assert.deepEqual([plan.steps, plan.restart, plan.new_warnings], [[], [], []])
    const { ring } = await tapvs.recorder()
    assert.equal((await tapvs.setRecorder(ring)).ring, ring)
    for (const levels of [await tapvs.logLevels(), OWN_LEVELS]) {
      assert.deepEqual(await tapvs.setLogLevels(levels), levels)
      assert.deepEqual(await tapvs.setLogLevels(await tapvs.logLevels()), levels)
    }
  })
}

test('what is changed on the way changes, and nothing beside it', async t => {
  const tapvs = await clientOf(t, 'config/lab.yaml')
  const [service] = await tapvs.services()
  assert.ok(service)
  const [first] = service.real_servers
  assert.ok(first)
  const of = `TCP ${service.address}:${service.port}`
  const name = (rs: { address: string; port: number }) => `RS ${rs.address}:${rs.port} of ${of}`
  const added = { address: '192.168.168.77', port: 7, weight: 3 }
  const others = service.real_servers.slice(1)
  const edited = { ...first, weight: first.weight + 1 }
  const more = await tapvs.editService(service, {
    ...service,
    real_servers: [edited, ...others, added],
  })
  assert.deepEqual(more.steps, [
    `~ ${name(first)} weight ${first.weight} => weight ${edited.weight}`,
    `+ ${name(added)} weight 3`,
  ])
  // Without a list, those that there are stay.
  const { real_servers: _, local_addresses: __, ...bare } = service
  assert.deepEqual((await tapvs.editService(service, bare)).steps, [])
  const fewer = await tapvs.editService(service, { ...service, real_servers: others })
  assert.deepEqual(fewer.steps, [`- ${name(added)}`, `- ${name(first)}`])
  const lips = service.local_addresses
  const another = { address: '192.168.168.99', arm: lips[0]?.arm ?? '' }
  const moved = await tapvs.editService(service, { ...service, local_addresses: [another] })
  assert.ok(moved.steps.includes(`+ LIP ${another.address}`), moved.steps.join('\n'))
  for (const { address } of lips) assert.ok(moved.steps.includes(`- LIP ${address}`))
  const deleted = await tapvs.service(service)
  await tapvs.deleteService(service)
  await tapvs.addService(deleted)
  assert.deepEqual(await tapvs.service(service), deleted)
})

test('an address that was deleted is added as it was read, a LIP as a LIP', async t => {
  const tapvs = await clientOf(t, 'config/lab.yaml')
  // They hold on to VIPs and LIPs.
  await tapvs.clearServices()
  const before = await tapvs.config()
  const addresses = await tapvs.addresses()
  assert.ok(addresses.some(({ lports }) => lports) && addresses.some(({ lports }) => !lports))
  for (const address of addresses) {
    const { arm, address: text, prefix_length } = address
    await tapvs.deleteAddress({ arm, address: text, prefix_length })
    await tapvs.addAddress(address)
  }
  assert.deepEqual(await tapvs.addresses(), addresses)
  assert.deepEqual(await tapvs.config(), before)
})

test('a body about another object than the path is refused', async t => {
  const tapvs = await clientOf(t, 'config/lab.yaml')
  const [service] = await tapvs.services()
  assert.ok(service)
  const other = { ...service, port: service.port + 1 }
  await assert.rejects(tapvs.editService(service, other), {
    status: 400,
    message: `body.port: expected ${service.port} as in the path, found ${other.port}`,
  } satisfies Partial<TapvsError>)
})

test('match services are reached by their criteria, in any form, and put back as they were read', async t => {
  const six = '2001:db8:168:ffff:ffff:ffff:ffff'
  const long = { source: `${six}:0-${six}:ffff`, destination: `${six}:1-${six}:2`, out: 'ext0' }
  const { arms } = YAML.parse(readFileSync(join(CHECKOUT, 'config/lab.yaml'), 'utf8'))
  arms[0].local_addresses = ['202.108.10.3', '202.108.10.4']
  const tapvs = await clientOf(t, 'config/lab.yaml', { arms, snat: [{ protocol: 'udp', ...long }] })
  const udp = (await tapvs.services()).at(-1)
  assert.ok(udp && udp.address.length > 100)
  assert.deepEqual((await tapvs.editService(udp, udp)).steps, [])

  const ref = { protocol: 'tcp', address: 'oif=ext0,src-range=192.0.2.0/30', port: 0 } as const
  const outside = [{ address: '202.108.10.3' }, { address: '202.108.10.4', port: 0, weight: 2 }]
  await tapvs.addService({ ...ref, real_servers: outside })
  const service = await tapvs.service(ref)
  assert.equal(service.address, 'from=192.0.2.0-192.0.2.3,oif=ext0')
  const before = await tapvs.config()
  assert.deepEqual((await tapvs.editService(ref, service)).steps, [])
  const [first, second] = service.real_servers
  assert.ok(first && second)
  assert.deepEqual((await tapvs.editServer(ref, second, second)).steps, [])
  assert.deepEqual(await tapvs.config(), before)

  const changed = { scheduler: 'rr', conn_timeout: 60 } as const
  const fewer = { ...service, ...changed, real_servers: [second] }
  await tapvs.editService(service, fewer)
  await tapvs.addServer(service, { address: '202.108.10.3', port: 0, weight: 7 })
  const weights = (await tapvs.service(service)).real_servers.map(rs => [rs.address, rs.weight])
  assert.deepEqual(weights, [
    ['202.108.10.3', 7],
    ['202.108.10.4', 2],
  ])
  const { scheduler, conn_timeout } = await tapvs.service(ref)
  assert.deepEqual([scheduler, conn_timeout], ['rr', 60])
  await tapvs.deleteServer(service, first)
  await tapvs.deleteService(ref)
  await tapvs.addService(service)
  assert.deepEqual(await tapvs.service(ref), service)
})

test('what match services have not, and ports that are none, are refused in a line', async t => {
  const tapvs = await clientOf(t, 'config/lab.yaml')
  const ref = { protocol: 'tcp', address: 'from=192.0.2.0-192.0.2.3', port: 0 } as const
  await tapvs.addService(ref)
  const refused = (call: Promise<unknown>, status: number, message: RegExp) =>
    assert.rejects(call, { status, message })
  await refused(tapvs.service({ ...ref, port: 80 }), 400, /^path.port: .*match service/)
  await refused(tapvs.service({ ...ref, address: '192.0.2.1' }), 400, /^path.port: .*1-65535/)
  await refused(
    tapvs.service({ ...ref, address: 'frm=192.0.2.1' }),
    400,
    /^path.address: .*criteria/,
  )
  await refused(
    tapvs.service({ ...ref, address: 'from=192.0.2.9' }),
    404,
    /MATCH tcp,from=192.0.2.9/,
  )
  await refused(tapvs.editService(ref, { persistence: 9 }), 400, /no persistence/)
  const rs = { address: '202.108.10.1' }
  await refused(tapvs.addServer(ref, { ...rs, port: 80 }), 400, /no port of its own/)
  await refused(tapvs.addServer(ref, rs), 422, /local_addresses of an arm/)
  await refused(tapvs.addServer(ref, { ...rs, forwarding: 'dr' }), 400, /no forwarding/)
  await refused(tapvs.addLip(ref, { ...rs, arm: 'ext0' }), 400, /add-lip/)
})
