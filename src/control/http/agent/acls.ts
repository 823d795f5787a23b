/** /v2/vs/{VipPort}/deny and /allow: whom a service takes, as dpvs-agent has it. */

import type { ServiceInfo, Verbs } from '../../../api/commands.ts'
import { allPrefixes } from '../../../api/prefix-pages.ts'
import { ACL_LISTS, type AclList } from '../../../api/words.ts'
import { ipsetName, ipsetText, isIpset } from '../../../config/ipset-names.ts'
import { plainPrefix, prefixProblem } from '../../../config/prefix-lists.ts'
import {
  AgentError,
  type AgentRoute,
  ask,
  BAD_BACKEND,
  BAD_FRONTEND,
  type Call,
  type Control,
  created,
  done,
  edit,
  route,
  serviceOf,
  errorText as text,
} from './route.ts'
import * as shapes from './shapes.ts'
import { PUT_ANSWERS, serviceKey, VS } from './view.ts'

type Prefix = Verbs['acl']['answer']['prefixes'][number]

/** The whole list, what is from files included. */
function listed(control: Control, service: ServiceInfo, list: AclList): Promise<Prefix[]> {
  const where = { ...serviceKey(service), list }
  return allPrefixes(part => ask(control, { verb: 'acl', ...where, ...part }))
}

interface Item {
  addr?: string | null | undefined
  ipset?: string | null | undefined
}

/** What the body names, as it is listed. */
function prefixesIn({ body }: Call<{ Items?: Item[] | null | undefined }>): string[] {
  const all = (body.Items ?? []).map(({ addr, ipset }) => {
    if (ipset) return ipsetText(ipset)
    const problem = prefixProblem(addr ?? '')
    if (problem !== undefined) throw new AgentError(BAD_BACKEND, `addr: ${problem}`)
    return plainPrefix(addr ?? '')
  })
  return [...new Set(all)]
}

function itemOf({ prefix }: Prefix) {
  return isIpset(prefix) ? { addr: '', ipset: ipsetName(prefix) } : { addr: prefix, ipset: '' }
}

const nameOf = (list: AclList) => (list === 'deny' ? 'Deny' : 'Allow')

function routesOf(list: AclList): AgentRoute[] {
  const name = nameOf(list)
  const path = `${VS}/${list}`
  const own = async (control: Control, service: ServiceInfo) =>
    new Set(
      (await listed(control, service, list)).flatMap(({ prefix, file }) => (file ? [] : [prefix])),
    )
  return [
    route({
      id: `agent${name}`,
      method: 'GET',
      path,
      summary: `The ${list} list of a service`,
      answers: { 200: shapes.aclListOut, 404: text },
      async handle(call) {
        const all = await listed(call.control, await serviceOf(call), list)
        return { status: 200, body: { Items: all.map(itemOf) } }
      },
    }),
    route({
      id: `agentPut${name}`,
      method: 'PUT',
      path,
      summary: `Add to the ${list} list of a service`,
      body: shapes.aclListIn,
      answers: PUT_ANSWERS,
      wrong: BAD_BACKEND,
      async handle(call) {
        const info = await serviceOf(call, BAD_FRONTEND)
        const known = await own(call.control, info)
        const prefixes = prefixesIn(call).filter(prefix => !known.has(prefix))
        if (prefixes.length === 0) return done
        const service = serviceKey(info)
        await edit(call.control, [{ edit: 'add-acl', service, list, prefixes }], BAD_BACKEND)
        return created
      },
    }),
  ]
}

function replacing(list: AclList): AgentRoute[] {
  const name = nameOf(list)
  const path = `${VS}/${list}`
  return [
    route({
      id: `agentPost${name}`,
      method: 'POST',
      path,
      summary: `Make this the ${list} list of a service; prefixes of its file stay`,
      body: shapes.aclListIn,
      answers: { 200: text, 460: text, 461: text },
      wrong: BAD_BACKEND,
      async handle(call) {
        const service = serviceKey(await serviceOf(call, BAD_FRONTEND))
        const prefixes = prefixesIn(call)
        await edit(call.control, [{ edit: 'set-acl', service, list, prefixes }], BAD_BACKEND)
        return done
      },
    }),
    route({
      id: `agentDelete${name}`,
      method: 'DELETE',
      path,
      summary: `Take from the ${list} list of a service`,
      body: shapes.aclListIn,
      answers: { 200: text, 404: text, 461: text },
      wrong: BAD_BACKEND,
      async handle(call) {
        const service = serviceKey(await serviceOf(call))
        const prefixes = prefixesIn(call)
        await edit(call.control, [{ edit: 'delete-acl', service, list, prefixes }], BAD_BACKEND)
        return done
      },
    }),
  ]
}

export const ACL_ROUTES: AgentRoute[] = ACL_LISTS.flatMap(list => [
  ...routesOf(list),
  ...replacing(list),
])
