/**
 * Programs that others wrote, all at once through one VIP, or with --ipv6 through one of each family, without one error (docs/reliability.md,
 * Programs of others), which scripts/soak runs: `node main.js MINUTES POSTGRES SSH [--arms veth] [--ipv6]`, both where packages are unpacked.
 * Exit code 1 at the first thing that is not as it has to be.
 */

import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { addIpv6Addresses } from '../../../netns/effective-config.ts'
import { LabError } from '../../../netns/lab-error.ts'
import { ARMS } from '../../../netns/topology.ts'
import { Lab } from '../../../netns/two-arm.ts'
import { countersOf, labConfig, labName, RIP, RIP6, VIP, VIP6 } from '../../kit/lab.ts'
import { type Around, CLIENTS } from './clients.ts'
import { PORTS, postgresPrograms, Servers } from './servers.ts'

const FILE_BYTES = 1 << 20
/** Kernels that speak IPv6 ask for routers, report their groups, and ask whether anybody has the address of their own link; all else is a fault. */
const EXPECTED_DROPS6: readonly string[] = ['icmp_type', 'nd_not_ours']

interface Family {
  /** Behind the name of a client. */
  over: string
  vip: string
  rip: string
}
const IPV4: Family = { over: '', vip: VIP, rip: RIP }
const BOTH: readonly Family[] = [
  { ...IPV4, over: ' over IPv4' },
  { over: ' over IPv6', vip: VIP6, rip: RIP6 },
]

function services({ vip, rip }: Family): object[] {
  const real_servers = [{ address: rip }]
  const service = (port: number, protocol: string) => ({ address: vip, port, protocol })
  const all = [...Object.values(PORTS).map(port => service(port, 'tcp')), service(PORTS.dns, 'udp')]
  return all.map(one => ({ ...one, scheduler: 'wrr', real_servers }))
}

async function programs(minutes: number, families: readonly Family[], where: [string, string]) {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-programs-'))
  const lab = new Lab(labName('programs'), arms)
  const ipv6 = families.length > 1
  const servers: Servers[] = []
  try {
    const files = join(folder, 'files')
    mkdirSync(files)
    const body = randomBytes(FILE_BYTES)
    writeFileSync(join(files, 'file'), body)
    const config = labConfig(folder, 'programs', yaml => {
      yaml.set('services', yaml.createNode(families.flatMap(services)))
      yaml.set('workers', { count: 2 })
      if (ipv6) addIpv6Addresses(yaml)
    })
    await lab.up({ config, ipv6 })
    chmodSync(folder, 0o755)
    const [postgres, ssh] = where
    for (const { rip } of families) servers.push(new Servers(lab, rip, join(folder, rip)))
    for (const of of servers) await of.start({ postgres, ssh }, files)
    const sha256 = createHash('sha256').update(body).digest('hex')
    const file = { name: 'file', path: join(files, 'file'), sha256, bytes: FILE_BYTES }
    const end = performance.now() + minutes * 60_000
    const bin = postgresPrograms(postgres)
    const all = families.flatMap(({ over, vip, rip }) => {
      const around: Around = { lab, vip, folder: join(folder, rip), file, end, postgres: bin }
      return Object.entries(CLIENTS).map(async ([name, client]) => {
        const done = await client(around)
        say(`${name}${over}: ${Object.entries(done).map(([what, count]) => `${count} ${what}`)}`)
      })
    })
    await Promise.all(all)
    const { drops } = await countersOf(lab)
    const expected = ipv6 ? EXPECTED_DROPS6 : []
    const unexpected = Object.entries(drops).filter(
      ([name, count]) => Number(count) > 0 && !expected.includes(name),
    )
    if (unexpected.length > 0)
      throw new Error(`drops: ${unexpected.map(pair => pair.join(' ')).join(', ')}`)
    say(
      `no error, and no packet dropped${ipv6 ? ' but what kernels of IPv6 say by themselves' : ''}`,
    )
  } finally {
    for (const of of servers) await of.stop()
    await lab.down()
    rmSync(folder, { recursive: true, force: true })
  }
}

const say = (line: string) => process.stdout.write(`programs: ${line}\n`)
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { arms: { type: 'string' }, ipv6: { type: 'boolean', default: false } },
})
const [minutes, ...unpacked] = positionals
const [postgres = '', ssh = ''] = unpacked.map(folder => resolve(folder))
const arms = ARMS.find(one => one === values.arms)
if (!(Number(minutes) > 0) || ssh === '' || (values.arms !== undefined && arms === undefined)) {
  process.stderr.write(`usage: main.js MINUTES POSTGRES SSH [--arms ${ARMS.join('|')}] [--ipv6]\n`)
  process.exit(2)
}
try {
  await programs(Number(minutes), values.ipv6 ? BOTH : [IPV4], [postgres, ssh])
} catch (error) {
  if (error instanceof LabError && error.details) process.stderr.write(`${error.details}\n`)
  process.stderr.write(`programs: ${(error as Error).stack}\n`)
  process.exitCode = 1
}
