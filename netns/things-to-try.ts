// What a lab that is up is good for: commands with what they show.

import { relative } from 'node:path'
import { TapvsClient } from '../src/client/index.ts'
import { version } from '../src/control/system/version.ts'
import { readAppliance } from './effective-config.ts'
import { CHECKOUT, DEFAULT_NAME } from './topology.ts'
import type { Lab } from './two-arm.ts'

/** From among the real servers to the server among the clients. */
function outwards(labs: string, lab: Lab): [string, string] {
  const [server = ''] = lab.arm('client').addresses
  return [`${labs} rs redis-cli -h ${server} client list`, 'out by SNAT: whom the server sees']
}

export async function thingsToTry(lab: Lab): Promise<string> {
  const sudo = process.env.SUDO_USER ? 'sudo ' : ''
  const program = (path: string) => `${sudo}${relative(process.cwd(), `${CHECKOUT}/${path}`)}`
  const named = lab.name === DEFAULT_NAME ? '' : ` --name ${lab.name}`
  const labs = `${program('scripts/lab')}${named}`
  const tapvs = `${program('bin/tapvs')}${named ? ` --socket ${lab.paths.socket}` : ''}`
  const [host, port] = (readAppliance(lab.paths.config).vips[0] ?? 'VIP:6379').split(':')
  const rows: [string, string][] = [
    [`${labs} client redis-cli -h ${host} -p ${port} set greeting hello`, 'through the VIP'],
    ...(lab.wanted.mode === 'snat' ? [outwards(labs, lab)] : []),
    [`${labs} capture`, 'tcpdump on both arms'],
    [`${labs} client tcpdump -nn -i ${lab.arm('client').device}`, 'on one of them'],
    [`${labs} rs tcpdump -nn -i ${lab.arm('rs').device}`, 'on the other'],
    [`${tapvs} ipvsadm -ln`, 'services and real servers'],
    [`${tapvs} ipvsadm -ln -c`, 'connections'],
    [`${tapvs} dpip addr show`, 'VIP, LIP and lports in use'],
    [`${tapvs} dpip neigh show`, 'neighbours'],
    [`${tapvs} ladder`, 'the packets of the last connections, drawn between their ends'],
    [`${tapvs} explain drop`, 'what was dropped, why, and what to do'],
    [`${tapvs} top`, 'all of it as it changes'],
    [`${tapvs} log level debug`, 'say what happens to each packet'],
    [`${labs} logs -f`, 'where it is said'],
    [`${labs} status`, 'what there is'],
    [`${labs} down`, 'take it all away'],
  ]
  const width = Math.max(...rows.map(([words]) => words.length))
  const lines = rows.map(([words, what]) => `  ${words.padEnd(width)}  # ${what}`)
  const page = lab.wanted.ui === undefined ? [] : ['', await pageOf(lab)]
  const other = otherVersion(await versionOf(lab), version)
  return ['The lab is up. Things to try:', '', ...lines, ...page, ...other].join('\n')
}

async function versionOf(lab: Lab): Promise<string> {
  const client = new TapvsClient({ socket: lab.paths.socket })
  try {
    return (await client.ping()).version
  } finally {
    client.close()
  }
}

/** What there is to say if the lab was raised before the checkout became what it is. */
export function otherVersion(running: string, here: string): string[] {
  if (running === here) return []
  return [
    '',
    `Its daemon goes on as tapvs ${running}, and this checkout is ${here}: lab down and lab up take that one.`,
  ]
}

/** => a line with its address */
async function pageOf(lab: Lab): Promise<string> {
  const { code, stdout, stderr } = await lab.tapvs(['ui'])
  return code === 0 ? `The page, for a browser on this machine: ${stdout.trim()}` : stderr.trim()
}
