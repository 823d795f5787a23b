/** /v2/device: the arms, their addresses and their routes, as dpvs-agent has them. */

import type { ArmInfo } from '../../../api/commands.ts'
import type { Edit } from '../../../api/edits.ts'
import { canonicalIp, parseIpPrefix } from '../../../wire/ip-address.ts'
import {
  AgentError,
  type AgentRoute,
  ask,
  type Call,
  type Control,
  created,
  done,
  edit,
  errorText,
  route,
} from './route.ts'
import * as shapes from './shapes.ts'

const DEVICE = '/device/:name'
const CHANGED = { 200: errorText, 201: errorText, 500: errorText }
const GONE = { 200: errorText, 500: errorText }

function nicOf(arm: ArmInfo, ID: number, withStats: boolean) {
  const detail = {
    ID,
    name: arm.name,
    addr: arm.mac,
    status: arm.up ? 'UP' : 'DOWN',
    MTU: arm.mtu,
    nRxQ: arm.queues,
    nTxQ: arm.queues,
  }
  if (!withStats) return { detail }
  const stats = {
    id: ID,
    inPkts: arm.rx_packets,
    outPkts: arm.tx_packets,
    inBytes: arm.rx_bytes,
    outBytes: arm.tx_bytes,
    inMissed: arm.rx_drops,
    outErrors: arm.tx_drops,
  }
  return { detail, stats }
}

async function nics({ control, query }: Call<unknown>) {
  const { arms } = await ask(control, { verb: 'counters' })
  return arms.map((arm, index) => nicOf(arm, index, query.stats === 'true'))
}

async function mustHave(control: Control, name: string): Promise<void> {
  const { arms } = await ask(control, { verb: 'counters' })
  if (!arms.some(arm => arm.name === name)) throw new AgentError(404, `no arm ${name}`)
}

/** `192.0.2.1/24`; without a length it is one address. */
function addressOf(text: string): { address: string; prefix_length: number } {
  const prefix = parseIpPrefix(text)
  if (prefix === undefined) throw new AgentError(500, `${text} is no IPv4 or IPv6 address`)
  const [address = ''] = text.split('/')
  return { address: canonicalIp(address), prefix_length: prefix.length }
}

function networkText(to: string): string {
  return to === '0.0.0.0/0' ? 'default' : to
}

/** As the config writes it: dpvs-agent also takes 0.0.0.0/0, and an address without a length. */
function destinationOf(dst: string): string {
  if (dst === '0.0.0.0/0') return 'default'
  if (dst === 'default') return dst
  const { address, prefix_length: length } = addressOf(dst)
  return `${address}/${length}`
}

async function routeAt(control: Control, arm: string, dst: string) {
  const routes = await ask(control, { verb: 'routes' })
  return routes.find(route => route.arm === arm && networkText(route.to) === dst)
}

export const DEVICE_ROUTES: AgentRoute[] = [
  route({
    id: 'agentDevices',
    method: 'GET',
    path: '/device',
    summary: 'All arms',
    flags: ['stats'],
    answers: { 200: shapes.nicListOut },
    handle: async call => ({ status: 200, body: { Items: await nics(call) } }),
  }),
  route({
    id: 'agentDevice',
    method: 'GET',
    path: `${DEVICE}/nic`,
    summary: 'One arm',
    flags: ['stats', 'verbose'],
    answers: { 200: shapes.nicListOut, 404: errorText },
    async handle(call) {
      const Items = (await nics(call)).filter(({ detail }) => detail.name === call.params.name)
      if (Items.length === 0) throw new AgentError(404, `no arm ${call.params.name}`)
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentAddresses',
    method: 'GET',
    path: `${DEVICE}/addr`,
    summary: 'The addresses of an arm',
    flags: ['stats', 'verbose'],
    answers: { 200: shapes.addrListOut, 404: errorText },
    async handle({ control, params: { name } }) {
      await mustHave(control, name)
      const all = await ask(control, { verb: 'addresses' })
      const Items = all
        .filter(({ arm }) => arm === name)
        .map(({ address, prefix_length }) => ({
          addr: `${address}/${prefix_length}`,
          scope: 'global',
        }))
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentPutAddress',
    method: 'PUT',
    path: `${DEVICE}/addr`,
    summary: 'Add an address to an arm; with sapool it is a LIP',
    flags: ['sapool', 'snapshot'],
    body: shapes.addrIn,
    answers: CHANGED,
    wrong: 500,
    async handle({ control, params: { name: arm }, query, body }) {
      const address = addressOf(body.addr)
      const lip = query.sapool === 'true'
      const all = await ask(control, { verb: 'addresses' })
      const is = all.some(
        known =>
          known.arm === arm &&
          known.address === address.address &&
          known.prefix_length === address.prefix_length &&
          (known.lports !== undefined) === lip,
      )
      if (is) return done
      await edit(control, [{ edit: 'add-address', arm, ...address, lip }], 500)
      return created
    },
  }),
  route({
    id: 'agentDeleteAddress',
    method: 'DELETE',
    path: `${DEVICE}/addr`,
    summary: 'Delete an address of an arm',
    flags: ['sapool'],
    body: shapes.addrIn,
    answers: GONE,
    wrong: 500,
    async handle({ control, params: { name: arm }, body }) {
      await edit(control, [{ edit: 'delete-address', arm, ...addressOf(body.addr) }], 500)
      return done
    },
  }),
  route({
    id: 'agentVlans',
    method: 'GET',
    path: `${DEVICE}/vlan`,
    summary: 'The VLANs on the device of an arm, each an arm of its own',
    answers: { 200: shapes.vlanListOut, 404: errorText },
    async handle({ control, params: { name } }) {
      await mustHave(control, name)
      const { arms } = await ask(control, { verb: 'counters' })
      const Items = arms.flatMap(({ name: arm, vlan }) =>
        vlan?.arm === name ? [{ device: name, id: vlan.id, name: arm }] : [],
      )
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentRoutes',
    method: 'GET',
    path: `${DEVICE}/route`,
    summary: 'The routes of an arm',
    flags: ['stats'],
    answers: { 200: shapes.routeListOut, 404: errorText },
    async handle({ control, params: { name } }) {
      await mustHave(control, name)
      const all = await ask(control, { verb: 'routes' })
      const Items = all
        .filter(({ arm }) => arm === name)

        .map(({ to, via, mtu }) => ({
          dst: to,
          ...(via !== null && { gateway: via }),
          device: name,
          scope: via === null ? 'link' : 'global',
          mtu,
          metric: 0,
        }))
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentPutRoute',
    method: 'PUT',
    path: `${DEVICE}/route`,
    summary: 'Add a route to an arm, or change its gateway',
    body: shapes.routeIn,
    answers: CHANGED,
    wrong: 500,
    async handle({ control, params: { name: arm }, body }) {
      const to = destinationOf(body.dst)
      const via = body.gateway || undefined
      const known = await routeAt(control, arm, to)
      if (known && known.via === (via ?? null)) return done
      const edits: Edit[] = [{ edit: 'add-route', arm, to, ...(via !== undefined && { via }) }]
      if (known) edits.unshift({ edit: 'delete-route', arm, to })
      await edit(control, edits, 500)
      return known ? done : created
    },
  }),
  route({
    id: 'agentDeleteRoute',
    method: 'DELETE',
    path: `${DEVICE}/route`,
    summary: 'Delete a route of an arm',
    body: shapes.routeIn,
    answers: GONE,
    wrong: 500,
    async handle({ control, params: { name: arm }, body }) {
      await edit(control, [{ edit: 'delete-route', arm, to: destinationOf(body.dst) }], 500)
      return done
    },
  }),
]
