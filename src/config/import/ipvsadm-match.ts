/** Lines of ipvsadm about match services (`-H`, whose real servers are by `-J`): entries of `snat`. */

import { WEIGHT_MAX } from '../../api/limits.ts'
import { outsideAddress, parseRule } from '../../api/match.ts'
import { IPVSADM_SCHEDULER } from '../../api/words.ts'
import { canonicalIp } from '../../wire/ip-address.ts'
import { addressProblem } from './addresses.ts'
import type { Collector } from './imported.ts'
import type { Line } from './ipvsadm-words.ts'
import type { ImportedRule } from './matches.ts'
import { short } from './short.ts'

/** => why the line cannot be carried out; undefined if it was */
export function matchLine(name: string, line: Line, collector: Collector): string | undefined {
  const fresh = ruleOf(line.take('match')?.values[0] ?? '')
  if (typeof fresh === 'string') return fresh
  const { matches } = collector
  if (name === 'add-service') {
    if (matches.find(fresh)) return 'it exists already'
    matches.add(serviceOf(line, fresh, collector))
    return undefined
  }
  const known = matches.find(fresh)
  if (!known) return 'there is no such service'
  if (name === 'delete-service') matches.delete(known)
  else if (name === 'edit-service') {
    delete known.conn_timeout
    delete known.scheduler
    serviceOf(line, known, collector)
  } else if (/^(add|edit|delete)-server$/.test(name))
    return serverLine(name, line, known, collector)
  else return 'a match service has no such thing'
  return undefined
}

/** A new entry with what `-H` says. => what is wrong with it */
function ruleOf(text: string): ImportedRule | string {
  const rule = parseRule(text)
  if (typeof rule === 'string') return short(rule)
  return { protocol: rule.protocol, ...rule.keys, addresses: [] }
}

function serviceOf(line: Line, rule: ImportedRule, collector: Collector): ImportedRule {
  const { place } = line
  const given = line.take('scheduler')
  const what = given?.text ?? 'no -s, which means wlc,'
  const scheduler = collector.scheduler(place, given?.values[0] ?? IPVSADM_SCHEDULER, what)
  if (scheduler) rule.scheduler = scheduler
  const timeout = line.take('conn-timeout')
  const seconds = timeout && collector.seconds(place, timeout.values[0], timeout.text)
  if (seconds) rule.conn_timeout = seconds
  return rule
}

function serverLine(
  name: string,
  line: Line,
  rule: ImportedRule,
  collector: Collector,
): string | undefined {
  const text = line.take('real-server')?.values[0] ?? ''
  const address = canonicalIp(outsideAddress(text))
  const problem = addressProblem(address)
  if (problem) return problem
  const addresses = rule.addresses ?? []
  const at = addresses.findIndex(one => one.address === address)
  if (name !== 'add-server' && at < 0) return 'there is no such real server'
  if (name === 'delete-server') {
    addresses.splice(at, 1)
    return undefined
  }
  if (name === 'add-server' && at >= 0) return 'it exists already'
  if (!line.take('snat')) return 'what is behind a match service is by SNAT: expected -J'
  const given = line.take('weight')
  const weight = given && collector.whole(line.place, given.values[0], WEIGHT_MAX, given.text)
  const one = { address, ...(weight !== undefined && { weight }) }
  if (at < 0) addresses.push(one)
  else addresses.splice(at, 1, one)
  return undefined
}
