/**
 * Every drop reason is explained, and the explanation names what failed the rule. The kit's provokers drive each through
 * the engine; goldens/explain-drop has what is said of each, a file for a table of them, a line for the frame and one for the rule.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { DROP_REASONS } from '../../../src/api/names.ts'
import { readDpip } from '../../../src/cli/dpip/command.ts'
import { readCommand } from '../../../src/cli/ipvsadm/command.ts'
import { Drop } from '../../../src/engine/counters.ts'
import { type Refusal, refusals } from '../../../src/engine/drop-book.ts'
import { DROP_WORDS, type DropReason, explainDrop } from '../../../src/see/drops/drops.ts'
import { frameText } from '../../../src/see/frame/frame-text.ts'
import { ARP_OP } from '../../../src/wire/arp.ts'
import { LAN, open, SYN, WAN } from '../../kit/connection.ts'
import { type DropName, frame, packet, provoke } from '../../kit/drop.ts'
import { ETHERNET_IP_DROPS } from '../../kit/drops-ethernet-ip.ts'
import { FRAGMENT_CASES } from '../../kit/drops-fragments.ts'
import { FRAGMENT6_CASES } from '../../kit/drops-fragments6.ts'
import { ICMP_DROPS } from '../../kit/drops-icmp.ts'
import { TCP_DROPS } from '../../kit/drops-tcp.ts'
import { UDP_DROPS } from '../../kit/drops-udp.ts'
import { contextOfStand } from '../../kit/explain.ts'
import { arpFrame, concat, icmpv6, ipv4, ipv6, tcp, vnetHeader } from '../../kit/frame.ts'
import { CLIENT_MAC, RS_MAC, Stand } from '../../kit/stand.ts'

const GOLDENS = join(CHECKOUT, 'test', 'goldens', 'explain-drop')

function explained(stand: Stand, reason: DropReason, refusal: Refusal) {
  const { bytes, length } = refusal
  const arm = stand.config.arms[refusal.arm]?.name ?? null
  const whole = { arm, length: length - 10, bytes: bytes.subarray(10), vnet: bytes.subarray(0, 10) }
  const explanation = explainDrop(reason, whole, contextOfStand(stand))
  return { ...explanation, text: frameText(whole.bytes, whole.length) }
}

/** What is said of the last frame that was refused for a reason. */
function lastOf(stand: Stand, name: DropName) {
  const [refusal] = refusals(stand.dropMemory, Drop[name])
  assert.ok(refusal, name)
  return explained(stand, name.toLowerCase() as DropReason, refusal)
}

/** By the file of its golden. */
const TABLES = {
  'ethernet-ip': ETHERNET_IP_DROPS,
  fragments: FRAGMENT_CASES,
  fragments6: FRAGMENT6_CASES,
  icmp: ICMP_DROPS,
  tcp: TCP_DROPS,
  udp: UDP_DROPS,
}

interface Provoked extends ReturnType<typeof explained> {
  table: string
  drop: DropName
  name: string
}

/** Provoked once: some of them need a thousand frames. */
const PROVOKED: Provoked[] = Object.entries(TABLES).flatMap(([table, rows]) =>
  rows.map(row => ({ table, drop: row.drop, name: row.name, ...lastOf(provoke(row), row.drop) })),
)

for (const file of Object.keys(TABLES)) {
  test(`what is said of each provoked drop is what the golden file has: ${file}`, () => {
    const said = PROVOKED.filter(({ table }) => table === file).map(
      ({ drop, name, text, rule }) => `${drop.toLowerCase()}: ${name}\n  ${text}\n  ${rule}\n`,
    )
    assert.equal(said.join('\n'), readFileSync(join(GOLDENS, `${file}.txt`), 'utf8'))
  })
}

test('every reason has a sentence, a rule and an advice, whatever frame it is asked of', () => {
  const stand = new Stand()
  const whole = frame(packet())
  for (const reason of DROP_REASONS) {
    assert.ok(DROP_WORDS[reason], reason)
    for (const bytes of [whole, whole.subarray(0, 34), whole.subarray(0, 15)]) {
      for (const arm of [0, -1]) {
        const refusal = { time: 0, arm, length: whole.length, bytes }
        const { rule, advice } = explained(stand, reason, refusal)
        for (const text of [rule, advice]) {
          assert.match(text, /^\S[^\n]{10,}$/, reason)
          assert.doesNotMatch(text, /undefined|NaN|null/, reason)
        }
      }
    }
  }
})

test('the commands that are advised are commands', () => {
  const words: Record<string, string> = {
    LIP: '192.168.168.8',
    ARM: 'dpdk1',
    MAC: '02:00:00:00:00:01',
    'RS:PORT': '192.168.168.2:80',
    'ADDRESS:0': '192.168.168.8:0',
    'NET/LEN': '10.0.0.0/8',
    PREFIX: '10.0.0.0/8',
    ...{ TCP: '90', FIN: '7', UDP: '300' },
  }
  const seen = new Set<string>()
  for (const { advice } of PROVOKED) {
    for (const [, tool, rest = ''] of advice.matchAll(/tapvs (ipvsadm|dpip) ([^;)]*)/g)) {
      const argv = rest.split(' ').map(word => words[word] ?? word)
      const command = tool === 'dpip' ? readDpip(argv).command : readCommand(argv).command
      assert.ok(['edit', 'neigh', 'acl'].includes(command.do), `${tool} ${rest}: ${command.do}`)
      seen.add(`${tool} ${argv[0]} ${argv[1]}`)
    }
  }
  assert.ok(seen.size >= 8, [...seen].join())
})

test('what a real server of DR answers through here has to go past here', () => {
  const context = contextOfStand(new Stand())
  const services = context.services.map(service => ({
    ...service,
    real_servers: service.real_servers.map(rs => ({ ...rs, forwarding: 'dr' as const })),
  }))
  const back = { src: SYN.dst, sport: SYN.dport, dst: SYN.src, dport: SYN.sport, flags: 'S.' }
  const bytes = frame(packet(back), LAN).subarray(10)
  const refused = { arm: 'dpdk1', bytes, vnet: new Uint8Array(10), length: bytes.length }
  const { rule, advice } = explainDrop('tcp_no_service', refused, { ...context, services })
  assert.match(rule, /^it comes from 202\.108\.10\.1:6379, a service .* answer their clients past/)
  assert.match(advice, /give it a route to 202\.108\.10\.2 by another router/)
  assert.match(explainDrop('tcp_no_service', refused, context).advice, /else a scan by/)
})

test('a service that came after the packet is no longer told to be missing', () => {
  const context = contextOfStand(new Stand())
  const bytes = frame(packet(SYN), WAN).subarray(10)
  const refused = { arm: 'dpdk0', bytes, vnet: new Uint8Array(10), length: bytes.length }
  const { rule, advice } = explainDrop('tcp_no_service', refused, context)
  assert.match(
    rule,
    /^destination 202\.108\.10\.1:6379 was no service when it came, and is one now$/,
  )
  assert.match(advice, /tapvs ipvsadm -ln -t 202\.108\.10\.1:6379$/)
})

test('what an ICMPv6 error quotes is read as IPv6', () => {
  const ends = { src: '2001:db8::9', dst: '2001:db8::7' }
  const rule = (reason: DropReason, quote: Uint8Array) => {
    const error = icmpv6(ends, 1, 4, concat(new Uint8Array(4), quote))
    const bytes = frame(ipv6({ ...ends, next: 58 }, error), WAN, 0x86dd)
    return explained(new Stand(), reason, { time: 0, arm: 0, length: bytes.length, bytes }).rule
  }
  const syn = { ...SYN, src: ends.dst, dst: '2001:db8::2' }
  const quote = ipv6({ src: syn.src, dst: syn.dst, next: 6 }, tcp(syn))
  const known = '[2001:db8::7]:33896 > [2001:db8::2]:6379'
  assert.ok(rule('icmp_no_conn', quote).startsWith(`it quotes ${known}, `))
  assert.ok(rule('icmp_sequence', quote).startsWith(`it quotes seq 1000 of ${known}, `))
  assert.match(rule('icmp_quote', quote.subarray(0, 12)), /^12 bytes of a packet are quoted/)
  assert.match(rule('icmp_quote', packet()), /begins with no IPv6 header$/)
  const tunnel = ipv6({ src: ends.dst, dst: '2001:db8::3', next: 41 }, quote)
  assert.ok(rule('icmp_no_conn', tunnel).startsWith(`it quotes ${known}, `))
})

test('ARP for others that a NIC lets us hear is nothing that we could take', () => {
  const context = contextOfStand(new Stand())
  const ends = ['202.108.10.2', '202.108.10.9'].map(ip => ({ mac: CLIENT_MAC, ip }))
  const [sender, target] = ends as [(typeof ends)[0], (typeof ends)[0]]
  const bytes = arpFrame(ARP_OP.REQUEST, sender, target, RS_MAC)
  const adviceOn = (kind: { kind?: 'nic' }) => {
    const arms = context.arms.map(arm => ({ ...arm, ...kind }))
    const frame = { arm: 'dpdk0', bytes, vnet: new Uint8Array(10), length: bytes.length }
    return explainDrop('arp_not_ours', frame, { ...context, arms }).advice
  }
  assert.match(adviceOn({}), /tapvs dpip addr add 202\.108\.10\.9\/32 dev dpdk0$/)
  assert.match(adviceOn({ kind: 'nic' }), /^nothing: it is for the host or /)
  assert.doesNotMatch(adviceOn({ kind: 'nic' }), /tapvs/)
})

test('a frame that waited for nobody names who did not answer', () => {
  const stand = new Stand()
  open(stand)
  stand.pass(4000)
  const { rule, advice } = lastOf(stand, 'NEIGH_UNRESOLVED')
  assert.equal(
    rule,
    '192.168.168.2 never answered the ARP of dpdk1, and the frame to 192.168.168.2 waited for it',
  )
  assert.match(advice, /dpip neigh add 192\.168\.168\.2 /)
})

test('what is said of a frame without ports names who it is from and for', () => {
  const stand = new Stand()
  const ends = [CLIENT_MAC, RS_MAC].map((mac, at) => ({ mac, ip: `192.168.168.${at + 3}` }))
  const [sender, target] = ends as [(typeof ends)[0], (typeof ends)[0]]
  const arp = concat(vnetHeader(), arpFrame(ARP_OP.REQUEST, sender, target, RS_MAC))
  const ping = frame(
    ipv4({ src: '202.108.10.2', dst: '202.108.10.1', protocol: 1 }, new Uint8Array(8)),
  )
  for (const reason of ['tx_arm_down', 'tx_queue_full', 'hand_over_full'] as const) {
    const of = (bytes: Uint8Array) =>
      explained(stand, reason, { time: 0, arm: 0, length: bytes.length, bytes }).rule
    assert.match(of(arp), /192\.168\.168\.3 > 192\.168\.168\.4/, reason)
    assert.match(of(ping), /202\.108\.10\.2 > 202\.108\.10\.1/, reason)
    for (const bytes of [arp, ping]) assert.doesNotMatch(of(bytes), /\?/, reason)
  }
})

test('what the loop and the arms drop says which arm and which ends', () => {
  const stand = new Stand()
  const bytes = frame(packet())
  const of = (reason: DropReason) =>
    explained(stand, reason, { time: 0, arm: 0, length: bytes.length, bytes }).rule
  assert.match(of('tx_queue_full'), /dpdk0 .*202\.108\.10\.2:33896 > 202\.108\.10\.1:6379/)
  assert.match(of('tx_arm_down'), /^dpdk0 was down/)
  assert.match(of('tx_error'), /54 bytes on dpdk0/)
  assert.match(of('impaired'), /impair\.loss of dpdk0 is 0$/)
  assert.match(of('hand_over_full'), /202\.108\.10\.2:33896/)
  stand.judge(WAN, bytes)
})
