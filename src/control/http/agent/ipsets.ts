/** /v2/ipset: named sets of prefixes, as dpvs-agent has its ipsets. Theirs are of one type each; ours hold addresses and networks of both families. */

import type { IpsetInfo, Verbs } from '../../../api/commands.ts'
import { allPrefixes } from '../../../api/prefix-pages.ts'
import { membersOf } from '../../../config/members.ts'
import { isIp } from '../../../wire/ip-address.ts'
import {
  AgentError,
  type AgentRoute,
  ask,
  type Call,
  type Control,
  created,
  done,
  edit,
  route,
  errorText as text,
} from './route.ts'
import * as shapes from './shapes.ts'

type Member = Verbs['ipset']['answer']['prefixes'][number]

const SET = '/ipset/:name'
const MEMBER = `${SET}/member`
const WRONG = 400

function heldBy(control: Control, name: string): Promise<Member[]> {
  return allPrefixes(part => ask(control, { verb: 'ipset', name, ...part }, 404))
}

async function setOf<B>({ control, params: { name } }: Call<B>): Promise<IpsetInfo> {
  const set = (await ask(control, { verb: 'ipsets' })).find(other => other.name === name)
  if (set) return set
  throw new AgentError(404, `no ipset ${name}`)
}

async function infoOf(control: Control, { name }: IpsetInfo) {
  const Entries = (await heldBy(control, name)).map(({ prefix }) => ({ Entry: prefix }))
  return { Name: name, Type: 'hash:net' as const, Entries }
}

interface Body {
  Entries?: readonly { Entry: string }[] | null | undefined
}

/** What the body names, each once and as it is listed. */
function entriesIn({ Entries }: Body): string[] {
  const all = (Entries ?? []).flatMap(({ Entry }) => {
    const members = membersOf(Entry)
    if (typeof members === 'string') throw new AgentError(WRONG, `Entry: ${members}`)
    return members
  })
  return [...new Set(all)]
}

const SETS: AgentRoute[] = [
  route({
    id: 'agentIpsets',
    method: 'GET',
    path: '/ipset',
    summary: 'All ipsets and what is in them',
    answers: { 200: shapes.ipsetListOut },
    async handle({ control }) {
      const Infos: Awaited<ReturnType<typeof infoOf>>[] = []
      for (const set of await ask(control, { verb: 'ipsets' }))
        Infos.push(await infoOf(control, set))
      return { status: 200, body: { Count: Infos.length, Infos } }
    },
  }),
  route({
    id: 'agentIpset',
    method: 'GET',
    path: SET,
    summary: 'One ipset and what is in it',
    answers: { 200: shapes.ipsetOut, 404: text },
    handle: async call => ({ status: 200, body: await infoOf(call.control, await setOf(call)) }),
  }),
  route({
    id: 'agentPutIpset',
    method: 'PUT',
    path: SET,
    summary: 'Create an ipset; one that is there stays as it is',
    body: shapes.ipsetIn,
    answers: { 200: text, 201: text, 400: text },
    wrong: WRONG,
    async handle({ control, params: { name }, body }) {
      const prefixes = entriesIn(body)
      const all = await ask(control, { verb: 'ipsets' })
      if (all.some(set => set.name === name)) return done
      await edit(control, [{ edit: 'add-ipset', ipset: name, prefixes }], WRONG)
      return created
    },
  }),
  route({
    id: 'agentDeleteIpset',
    method: 'DELETE',
    path: SET,
    summary: 'Delete an ipset that no deny or allow list names',
    answers: { 200: text, 400: text, 404: text },
    wrong: WRONG,
    async handle(call) {
      const { name: ipset } = await setOf(call)
      await edit(call.control, [{ edit: 'delete-ipset', ipset }], WRONG)
      return done
    },
  }),
]

const MEMBERS: AgentRoute[] = [
  route({
    id: 'agentPutIpsetMember',
    method: 'PUT',
    path: MEMBER,
    summary: 'Add to an ipset',
    body: shapes.ipsetIn,
    answers: { 200: text, 201: text, 400: text, 404: text },
    wrong: WRONG,
    async handle(call) {
      const { name: ipset } = await setOf(call)
      const known = new Set((await heldBy(call.control, ipset)).map(({ prefix }) => prefix))
      const prefixes = entriesIn(call.body).filter(prefix => !known.has(prefix))
      if (prefixes.length === 0) return done
      await edit(call.control, [{ edit: 'add-members', ipset, prefixes }], WRONG)
      return created
    },
  }),
  ...(['POST', 'DELETE'] as const).map(method =>
    route({
      id: method === 'POST' ? 'agentPostIpsetMember' : 'agentDeleteIpsetMember',
      method,
      path: MEMBER,
      summary: method === 'POST' ? 'Make this what an ipset holds' : 'Take from an ipset',
      body: shapes.ipsetIn,
      answers: { 200: text, 400: text, 404: text },
      wrong: WRONG,
      async handle(call) {
        const { name: ipset } = await setOf(call)
        const prefixes = entriesIn(call.body)
        const verb = method === 'POST' ? 'set-members' : 'delete-members'
        await edit(call.control, [{ edit: verb, ipset, prefixes }], WRONG)
        return done
      },
    }),
  ),
  route({
    id: 'agentIpsetCell',
    method: 'POST',
    path: `${SET}/cell`,
    summary: 'Whether an ipset holds an address',
    body: shapes.ipsetCell,
    answers: { 200: shapes.ipsetAnswer, 400: text, 404: text },
    wrong: WRONG,
    async handle(call) {
      const { name } = await setOf(call)
      const { Entry: holds } = call.body.Member
      if (!isIp(holds)) throw new AgentError(WRONG, `Entry: expected an address, found ${holds}`)
      const where = { name, from: 0, limit: 1, holds }
      const { total } = await ask(call.control, { verb: 'ipset', ...where })
      return { status: 200, body: total > 0 }
    },
  }),
]

export const IPSET_ROUTES: AgentRoute[] = [...SETS, ...MEMBERS]
