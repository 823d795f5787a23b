/**
 * Match services of DPVS's keepalived, `virtual_server match NAME` with the criteria src-range, dst-range, iif and oif: entries of `snat`.
 * Their real servers are the addresses that connections have outside, of port 0.
 */

import { WEIGHT_MAX } from '../../api/limits.ts'
import { familyOfMatch, parseMatch } from '../../api/match.ts'
import { MATCH_PROTOCOLS } from '../../api/protocols.ts'
import { IPVSADM_SCHEDULER, oneOf } from '../../api/words.ts'
import { byWord } from '../../see/text/by-word.ts'
import { canonicalIp, isIpv6Text } from '../../wire/ip-address.ts'
import { addressProblem } from './addresses.ts'
import type { Collector } from './imported.ts'
import {
  Block,
  CHECKERS,
  FOR_CHECKS,
  IN_SERVER,
  IN_SERVICE,
  ONLY_MATCH,
} from './keepalived-keywords.ts'
import { settleProtocol } from './keepalived-protocol.ts'
import { apart, lastOfEach, type Statement } from './keepalived-statement.ts'
import { refuse, strange } from './keepalived-strange.ts'
import type { ImportedRule } from './matches.ts'
import { portOf } from './ports.ts'

type Outside = NonNullable<ImportedRule['addresses']>[number]

const reasons = (words: readonly string[], why: string) =>
  Object.fromEntries(words.map(word => [word, why]))
const UNCHECKED = reasons(
  [...Object.keys(FOR_CHECKS), ...CHECKERS, 'delay_before_retry', 'warmup', 'alpha'],
  'addresses of ours outside are not checked',
)

const IN_MATCH = new Block(
  byWord({
    ...{ lb_algo: 'lb_algo', lvs_sched: 'lb_algo', lb_kind: 'lb_kind', lvs_method: 'lb_kind' },
    ...{ establish_timeout: 'timeout', est_timeout: 'timeout', protocol: 'protocol' },
    ...Object.fromEntries(ONLY_MATCH.map(word => [word, word])),
    real_server: undefined,
  }),
  {
    ...reasons(IN_SERVICE.keywords, 'a match service has no such thing'),
    ...IN_SERVICE.reasons,
    ...UNCHECKED,
  },
)
const IN_OUTSIDE = new Block(byWord({ weight: 'weight' }), {
  ...reasons(IN_SERVER.keywords, 'an address of ours outside has a weight alone'),
  ...IN_SERVER.reasons,
  ...UNCHECKED,
})

/** `label` is how remarks call it. */
export function matchServer(statement: Statement, label: string, collector: Collector): void {
  statement.read(2)
  const { place } = statement
  const block = blockOf(statement, IN_MATCH, label, collector)
  statement.block = block
  const fields: Pick<ImportedRule, 'scheduler' | 'conn_timeout'> = {}
  if (!block.some(({ keyword }) => IN_MATCH.sets(keyword) === 'lb_algo'))
    fields.scheduler = IPVSADM_SCHEDULER
  const rule = ruleOf(block, statement, label, collector)
  if (typeof rule === 'string') {
    refuse(statement, label, rule, collector)
    return
  }
  for (const inner of block) {
    const what = `${inner.said} of ${label}`
    switch (IN_MATCH.sets(inner.keyword)) {
      case 'lb_algo': {
        const scheduler = collector.scheduler(inner.place, inner.value ?? '', what)
        if (scheduler) fields.scheduler = scheduler
        break
      }
      case 'timeout': {
        const seconds = collector.seconds(inner.place, inner.number(collector), what)
        if (seconds) fields.conn_timeout = seconds
        break
      }
      case undefined:
        if (inner.keyword === 'real_server') outside(inner, rule, label, collector)
        else strange(inner, IN_MATCH, label, collector)
    }
  }
  if (!collector.matches.add({ ...rule, ...fields }))
    collector.notCarried(place, label, 'it exists already')
}

function blockOf(statement: Statement, grammar: Block, label: string, collector: Collector) {
  const single = apart(statement.block ?? [], grammar, collector)
  return lastOfEach(single, grammar.sets, collector, label)
}

/** Protocol and criteria, or why it cannot be carried over. */
function ruleOf(
  block: readonly Statement[],
  statement: Statement,
  label: string,
  collector: Collector,
): (ImportedRule & { addresses: Outside[] }) | string {
  const given = new Map(block.map(inner => [IN_MATCH.sets(inner.keyword), inner]))
  const kind = given.get('lb_kind')?.value ?? 'none'
  if (kind.toUpperCase() !== 'SNAT')
    return `what is behind a match service is by SNAT: expected lb_kind SNAT, found ${kind}`
  const word = given.get('protocol')?.value?.toLowerCase()
  const isPing6 = word === 'icmpv6'
  const protocol = isPing6 ? 'icmp' : MATCH_PROTOCOLS.find(name => name === (word ?? 'tcp'))
  if (protocol === undefined) return `expected protocol ${oneOf(MATCH_PROTOCOLS)}, found ${word}`
  const criteria = ONLY_MATCH.flatMap(name => {
    const value = given.get(name)?.value
    return value === undefined ? [] : [`${name}=${value}`]
  })
  if (criteria.length === 0) return `expected ${oneOf(ONLY_MATCH)}: it would take all`
  const keys = parseMatch([...criteria, ...(isPing6 ? ['af=ipv6'] : [])].join(','))
  if (typeof keys === 'string') return keys
  settleProtocol(statement, {}, [], label, collector)
  return { protocol, ...keys, addresses: [] }
}

/** Its address, behind the others of `rule`. */
function outside(
  statement: Statement,
  rule: ImportedRule & { addresses: Outside[] },
  label: string,
  collector: Collector,
): void {
  const [text = '', port = '0'] = statement.read(2)
  const what = `${statement.said} of ${label}`
  const address = canonicalIp(text)
  const { addresses } = rule
  // Of an entry without a range its first address says which family it is of.
  const isFirst = addresses.length === 0
  const saysNone = rule.source === undefined && rule.destination === undefined && !rule.family
  if (isFirst && saysNone && isIpv6Text(address)) rule.family = 'ipv6'
  let problem = addressProblem(text)
  if (isIpv6Text(address) !== (familyOfMatch(rule) === 'ipv6'))
    problem ??= 'it is of another family than the service'
  if (addresses.some(one => one.address === address)) problem ??= 'the service has it already'
  if (problem !== undefined) {
    refuse(statement, what, problem, collector)
    return
  }
  if (portOf(port) !== 0)
    collector.notCarried(statement.place, `port ${port} of ${what}`, 'it has any: expected 0')
  const one: Outside = { address }
  statement.block = blockOf(statement, IN_OUTSIDE, what, collector)
  for (const inner of statement.block) {
    if (inner.keyword !== 'weight') {
      strange(inner, IN_OUTSIDE, what, collector)
      continue
    }
    const said = `${inner.said} of ${what}`
    const weight = collector.whole(inner.place, inner.number(collector), WEIGHT_MAX, said)
    if (weight !== undefined) one.weight = weight
  }
  addresses.push(one)
}
