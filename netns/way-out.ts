// `lab snat`: hosts among the real servers speak to a redis-server among the clients by SNAT, shown and judged. It puts onto a lab
// that is up what that takes, by the verbs that an operator types: an address outside, match services, a default route inside.

import { LabError } from './lab-error.ts'
import { mustRun } from './processes.ts'
import { raiseRedis } from './real-servers.ts'
import type { Lab } from './two-arm.ts'

export const OUTSIDE = '202.108.10.3'
export const OUTSIDE6 = '2001:db8:10::3'
export const HOSTS = 'src-range=192.168.168.2-192.168.168.254,oif=ext0'
export const HOSTS6 = 'src-range=2001:db8:168::2-2001:db8:168::ff,oif=ext0'
const WAYS = [
  { outside: OUTSIDE, prefix: 32, of: OUTSIDE, hosts: HOSTS, ip: ['ip'], gateway: '192.168.168.3' },
  {
    outside: OUTSIDE6,
    prefix: 128,
    of: `[${OUTSIDE6}]`,
    hosts: HOSTS6,
    ip: ['ip', '-6'],
    gateway: '2001:db8:168::3',
  },
] as const
/** A server that does not answer would make redis-cli wait for ever. */
const LIMIT_MS = 5000

/** Leaves alone what is there already. */
export async function raiseWayOut(lab: Lab, signal?: AbortSignal): Promise<void> {
  if (lab.armsKind !== 'tap')
    throw new LabError('SNAT needs arms that are TAPs: raise the lab without --arms veth')
  const client = lab.arm('client')
  const [address = ''] = client.addresses
  await raiseRedis(lab.paths, client, address, signal)
  for (const way of WAYS.slice(0, client.addresses6.length > 0 ? 2 : 1)) {
    const route = [...way.ip, 'route', 'replace', 'default', 'via', way.gateway]
    await mustRun([...lab.inside('rs', route)])
    await must(lab, [
      'dpip',
      'addr',
      'add',
      `${way.outside}/${way.prefix}`,
      'dev',
      'ext0',
      'sapool',
    ])
    for (const proto of ['tcp', 'udp']) {
      const match = ['-H', `proto=${proto},${way.hosts}`]
      await must(lab, ['ipvsadm', '-A', ...match, '-s', 'rr'])
      await must(lab, ['ipvsadm', '-a', ...match, '-r', `${way.of}:0`, '-w', '100', '-J'])
    }
  }
}

/** => whether an expectation failed; each that did is told */
export function showWayOut(lab: Lab, signal: AbortSignal): Promise<boolean> {
  return lab.alone(async () => {
    await raiseWayOut(lab, signal)
    const failures = await shown(lab, signal)
    for (const failure of failures) console.log(`FAILED: ${failure}`)
    return failures.length > 0
  }, signal)
}

/** => the expectations that failed */
async function shown(lab: Lab, signal: AbortSignal): Promise<string[]> {
  const [server = ''] = lab.arm('client').addresses
  const failures: string[] = []
  const redis = async (...command: string[]) => {
    signal.throwIfAborted()
    const argv = ['redis-cli', '-h', server, ...command]
    const { stdout, stderr } = await lab.rs(argv, { timeoutMs: LIMIT_MS })
    const said = `${stdout}${stderr}`.trim()
    console.log(`> ${argv.join(' ')}\n${said}`)
    return said
  }
  console.log(`\n== In ${lab.arm('rs').netns} ==`)
  const value = `from-inside-${process.pid}`
  if ((await redis('set', 'greeting', value)) !== 'OK') failures.push('SET should say OK')
  if ((await redis('get', 'greeting')) !== value) failures.push(`GET should give back ${value}`)
  if (!(await redis('client', 'list')).includes(` addr=${OUTSIDE}:`))
    failures.push(`the server should see its client at ${OUTSIDE}`)
  for (const argv of [
    ['ipvsadm', '-ln'],
    ['ipvsadm', '-lnc'],
  ]) {
    console.log(`\n== tapvs ${argv.join(' ')} ==\n${(await must(lab, argv)).trimEnd()}`)
  }
  return failures
}

async function must(lab: Lab, argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.tapvs(argv, { timeoutMs: LIMIT_MS })
  if (code === 0 || /already exists|exists already/.test(stderr)) return stdout
  throw new LabError(`tapvs ${argv.join(' ')}: ${stderr.trim()}`)
}
