/**
 * A keeper with daemons that mean no good (daemon.ts), until it gives them up: `node main.js SEED FOLDER`. Exit code 0 if each was given what
 * it should have been, and nothing else is held in the end.
 */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENDS_MOST, Keeper } from '../../../src/control/keeper/keeper.ts'
import { heldAtStart, heldBehind, saidIn } from './messages.ts'

const [seed = 0, folder = ''] = [Number(process.argv[2]), process.argv[3]]

/** Descriptors of what the daemons have given. */
function ours(): number {
  const links = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // the one that listed them
    }
  })
  return links.filter(link => link.includes('tapvs-fuzz')).length
}

function fail(text: string): never {
  process.stderr.write(`seed ${seed}: ${text}\n`)
  process.exit(1)
}

const said: string[] = []
/** Programs that cannot be are asked for, and none is started. */
const say = (text: string) => text.startsWith('TAPVS: upgrade failed') || said.push(text)
/** The number of the last daemon. */
const last = ENDS_MOST - 1
const daemon = fileURLToPath(new URL('./daemon.js', import.meta.url))
const options = {
  argv: [daemon, `${seed}`, folder],
  script: daemon,
  standby: false,
  environment: process.env,
}
const code = await new Keeper({ ...options, say }).run()
const fault = join(folder, 'fault')
if (existsSync(fault)) fail(readFileSync(fault, 'utf8'))
if (code !== ((seed + last) % 2 === 0 ? 137 : 3)) fail(`it ended with ${code}: ${said.join('; ')}`)
const expected = Array.from({ length: last }, () => /^TAPVS: the daemon .*; starting/)
if (said.length !== ENDS_MOST || !expected.every((line, i) => line.test(said[i] ?? '')))
  fail(`it said ${said.join('; ')}`)
const left = heldBehind(heldAtStart(seed, last), saidIn(seed, last))
const count = [...left.values()].reduce((sum, { fds }) => sum + fds.length, 0)
if (ours() !== count) fail(`${ours()} descriptors are held, of ${count}`)
process.exit(0)
