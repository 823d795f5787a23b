// `lab demo`: the seed's scenario from beginning to end, shown and judged. The exit code is 0 only if
// every expectation held; each one that did not is a line of its own.

import { join } from 'node:path'
import type { AnyForwarding } from '../src/api/words.ts'
import { isOneWay } from '../src/see/words/forwarding.ts'
import { hostText } from '../src/wire/ip-address.ts'
import { logSince } from './appliance.ts'
import { type Capture, readCapture, startCapture } from './capture.ts'
import { LabError } from './lab-error.ts'
import { checkMode } from './modes.ts'
import { until } from './processes.ts'
import { REDIS_PORT, type Side, WAYS_OUT, type Wanted } from './topology.ts'
import { Lab } from './two-arm.ts'

interface Ends {
  vip: string
  cip: string
  lip: string
  rip: string
}

const IPV4: Ends = {
  vip: '202.108.10.1',
  cip: '202.108.10.2',
  lip: '192.168.168.7',
  rip: '192.168.168.2',
}
const IPV6: Ends = {
  vip: '2001:db8:10::1',
  cip: '2001:db8:10::2',
  lip: '2001:db8:168::7',
  rip: '2001:db8:168::2',
}
/** By SNAT the real server asks the client, who sees an address of ours: the same with the ends changed over. */
function outwards({ cip, rip }: Ends, lip: string): Ends {
  return { vip: cip, cip: rip, lip, rip: cip }
}
/** The seed's mistake of a command: 76 bytes there, a 50-byte error back. */
const SEED_COMMAND = ['get', 'set', 'testclienthhhhhhhhhh', 'testclienthhhhhhhhhh']
const SEED_REPLY = 'ERR wrong number of arguments'
const SEED_PACKETS = 10 // on either side
/** A real server that does not answer would make redis-cli wait for ever. */
const COMMAND_LIMIT_MS = 5000
const SETTLE_LIMIT_MS = 2000
/** TIME_WAIT is 7 s; the rest is for a slow machine. */
const EXPIRY_LIMIT_MS = 20_000
/** Each look starts a node; more of them would only warm the machine. */
const POLL_DAEMON_MS = 250

type Failures = string[]

/** Runs the demo on a lab of its own. => the expectations that failed */
export async function demo(
  name: string,
  { arms, ipv6 = false, mode }: Pick<Wanted, 'arms' | 'ipv6' | 'mode'>,
  signal: AbortSignal,
): Promise<Failures> {
  let lab = new Lab(name, arms)
  // A lab that is there is not ours to disturb.
  if (lab.exists() || lab.busy()) lab = new Lab(`${name}-demo`, arms)
  return lab.alone(() => demoIn(lab, { ipv6, mode }, signal), signal)
}

async function demoIn(lab: Lab, wanted: Wanted, signal: AbortSignal): Promise<Failures> {
  const failures: Failures = []
  const captures: Capture[] = []
  try {
    await lab.down()
    await lab.up(wanted, signal)
    await showConversation(shownIn(lab, wanted, signal), captures, failures)
    await showExpiry(lab, failures, signal)
  } catch (error) {
    // What was found before something broke is part of the answer.
    if (!signal.aborted) for (const failure of failures) console.log(`FAILED: ${failure}`)
    throw error
  } finally {
    await Promise.all(captures.map(capture => capture.stop()))
    await lab.down()
  }
  return failures
}

/** What is shown in a lab that was raised so. */
export function shownIn(lab: Lab, wanted: Wanted, signal: AbortSignal): Shown {
  const mode = checkMode(wanted)
  const ends = wanted.ipv6 ? IPV6 : IPV4
  if (mode !== 'snat') return { lab, signal, mode, near: 'client', far: 'rs', ...ends }
  const { outside } = WAYS_OUT[wanted.ipv6 ? 1 : 0]
  return { lab, signal, mode, near: 'rs', far: 'client', ...outwards(ends, outside) }
}

interface Shown extends Ends {
  mode: AnyForwarding
  /** Who asks, and who answers. */
  near: Side
  far: Side
  lab: Lab
  signal: AbortSignal
}

export async function showConversation(
  shown: Shown,
  captures: Capture[],
  failures: Failures,
): Promise<void> {
  const { lab, signal, vip, cip, lip, mode, near, far } = shown
  await ask(lab, ['log', 'level', 'debug'])
  const capture = async (side: Side) => {
    const started = await startCapture(lab, side, join(lab.paths.folder, `${side}.pcap`))
    captures.push(started)
    return started.file
  }
  const files = { client: await capture('client'), rs: await capture('rs') }

  const logStart = Buffer.byteLength(logSince(lab.paths, 0))
  heading(`In ${lab.arm(near).netns}: ${[...cli(vip), ...SEED_COMMAND].join(' ')}`)
  console.log('(A wrong command on purpose: a short request, and an error for an answer.)')
  const seed = await redisCli(shown, SEED_COMMAND)
  expect(failures, seed.includes(SEED_REPLY), `the reply should say "${SEED_REPLY}": ${seed}`)
  const log = await seedLog(lab, logStart, signal)

  heading('Some ordinary commands')
  const value = `${mode === 'snat' ? 'from-inside' : 'through-the-vip'}-${process.pid}`
  const set = await redisCli(shown, ['set', 'greeting', value])
  expect(failures, set === 'OK', `SET should say OK: ${set}`)
  const got = await redisCli(shown, ['get', 'greeting'])
  expect(failures, got === value, `GET should give back ${value}: ${got}`)

  if (mode === 'snat') {
    const seen = await redisCli(shown, ['client', 'list'])
    const isSeen = seen.includes(` addr=${hostText(lip)}:`)
    expect(failures, isSeen, `the server should see its client at ${lip}: ${seen}`)
  }

  await showLadder(shown, log)

  const asked = await settled(files[near], `${cip}\\.\\d+ > ${vip}\\.${REDIS_PORT}`, signal)
  heading(armHeading(lab, near))
  console.log(asked.trim())
  const answered = await settled(files[far], onFarArm(shown, '\\d+'), signal)
  heading(armHeading(lab, far))
  console.log(answered.trim())
  judgeCaptures(shown, asked, answered, failures)

  heading("The debug log of the seed's connection")
  console.log(log.trim())
  expect(
    failures,
    new RegExp(`new conn: .*${dots(hostText(cip))}:\\d+`).test(log),
    'the log should have a `new conn`',
  )

  heading('tapvs ipvsadm -ln')
  console.log(await ask(lab, ['ipvsadm', '-ln']))
  heading('tapvs ipvsadm -ln -c')
  const listing = await ask(lab, ['ipvsadm', '-ln', '-c'])
  console.log(listing)
  // Of answers that pass by nothing is known but what the client makes of them.
  const last = isOneWay(mode) ? 'FIN_WAIT' : 'TIME_WAIT'
  const isThere = listing.split('\n').some(row => row.includes(last) && row.includes(cip))
  expect(failures, isThere, `the listing should show the connection in ${last}`)
  heading('tapvs dpip addr show')
  console.log(await ask(lab, ['dpip', 'addr', 'show']))
}

/** That of the seed's connection, which the debug log names. */
async function showLadder({ lab, cip }: Shown, log: string): Promise<void> {
  const end = new RegExp(`new conn: .*?(${dots(hostText(cip))}:\\d+)`).exec(log)?.[1]
  if (end === undefined) return
  heading(`The same, drawn: tapvs ladder conn ${end}`)
  console.log(await ask(lab, ['ladder', '--plain', 'conn', end]))
}

async function showExpiry(lab: Lab, failures: Failures, signal: AbortSignal): Promise<void> {
  heading('Waiting for the connections to expire (TIME_WAIT is 7 s)')
  const since = performance.now()
  const listing = () => ask(lab, ['ipvsadm', '-ln', '-c'])
  try {
    const empty = async () => (await listing()) === '' || undefined
    const patience = { limitMs: EXPIRY_LIMIT_MS, everyMs: POLL_DAEMON_MS, signal }
    await until('the connections to expire', patience, empty)
    console.log(`Gone after ${((performance.now() - since) / 1000).toFixed(1)} s.`)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    failures.push(error.message)
  }
  heading('tapvs ipvsadm -ln -c, after expiry')
  console.log((await listing()) || '(empty)')
  heading('tapvs dpip addr show, after expiry')
  const addresses = await ask(lab, ['dpip', 'addr', 'show'])
  console.log(addresses)
  const used = [...addresses.matchAll(/sa_used (\d+)/g)].map(match => match[1])
  const allFree = used.length > 0 && used.every(count => count === '0')
  expect(failures, allFree, `sa_used should be 0 again: ${used.join(' ') || 'not shown'}`)
}

/** The TOA option carries the client's port first; tcpdump prints those two bytes as `exp-`. */
function judgeCaptures(shown: Shown, asked: string, answered: string, failures: Failures): void {
  const { cip, vip, mode, near, far } = shown
  const syn = new RegExp(`IP6? ${dots(cip)}\\.(\\d+) > ${dots(vip)}\\.${REDIS_PORT}: Flags \\[S\\]`)
  const port = syn.exec(asked)?.[1]
  expect(
    failures,
    port !== undefined,
    `the ${ARM[near]} arm should show a SYN from ${cip} to ${vip}`,
  )
  const toa = `exp-${Number(port ?? 0)
    .toString(16)
    .padStart(4, '0')}`
  const told = mode === 'fullnat' ? `.*${toa}` : ''
  const ofOurs = mode === 'fullnat' || mode === 'snat'
  const sent = `${onFarArm(shown, ofOurs ? '\\d+' : (port ?? ''))}: Flags \\[S\\]${told}`
  const arrived = port !== undefined && new RegExp(sent).test(answered)
  expect(failures, arrived, `the ${ARM[far]} arm should show the SYN: ${sent}`)
}

const ARM = { client: 'client', rs: 'RS' } as const

function armHeading(lab: Lab, side: Side): string {
  return `The ${ARM[side]} arm: tcpdump -nnS -i ${lab.arm(side).device}`
}

/** What is sent to an RS, or by SNAT to the server outside, as tcpdump begins a line of it. */
function onFarArm({ mode, cip, vip, lip, rip }: Shown, port: string): string {
  const asIs = `${dots(cip)}\\.${port} > ${dots(vip)}\\.${REDIS_PORT}`
  if (mode === 'dr') return `IP6? ${asIs}`
  if (mode === 'tunnel') return `IP6? \\S+ > ${dots(rip)}: IP6? ${asIs}`
  return `IP6? ${dots(mode === 'nat' ? cip : lip)}\\.${port} > ${dots(rip)}\\.${REDIS_PORT}`
}

/** => the log of the seed's conversation, once its last ACK is in it (or the time is up) */
async function seedLog(lab: Lab, logStart: number, signal: AbortSignal): Promise<string> {
  const log = () => logSince(lab.paths, logStart)
  const complete = () => log().split('conn lookup:').length > SEED_PACKETS || undefined
  await until('the log', { limitMs: SETTLE_LIMIT_MS, signal }, complete).catch(onlyInTime)
  return log()
}

/** => the capture as text, once the last FIN of that direction is in it (or the time is up) */
async function settled(file: string, flow: string, signal: AbortSignal): Promise<string> {
  const fins = new RegExp(`${flow}: Flags \\[F\\.\\]`, 'g')
  let text = ''
  const closed = async () => {
    text = await readCapture(file)
    return (text.match(fins)?.length ?? 0) >= 3 || undefined
  }
  await until('the capture', { limitMs: SETTLE_LIMIT_MS, signal }, closed).catch(onlyInTime)
  return text
}

/** Time up is no failure here: what is missing then fails the expectation that misses it. */
function onlyInTime(error: unknown): void {
  if (!(error instanceof LabError)) throw error
}

function cli(vip: string): string[] {
  return ['redis-cli', '-h', vip, '-p', `${REDIS_PORT}`]
}

async function redisCli({ lab, signal, vip, near }: Shown, command: string[]): Promise<string> {
  signal.throwIfAborted()
  const { code, stdout, stderr } = await lab[near]([...cli(vip), ...command], {
    timeoutMs: COMMAND_LIMIT_MS,
  })
  const said = `${stdout}${stderr}`.trim() || `nothing (exit code ${code})`
  console.log(`> ${command.join(' ')}\n${said}`)
  return said
}

async function ask(lab: Lab, argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.tapvs(argv, { timeoutMs: COMMAND_LIMIT_MS })
  if (code === 0) return stdout.trimEnd()
  throw new LabError(`tapvs ${argv.join(' ')} failed: ${stderr.trim() || `exit code ${code}`}`)
}

function expect(failures: Failures, held: boolean, expectation: string): void {
  if (!held) failures.push(expectation)
}

/** As part of a pattern. */
export const dots = (address: string) => address.replaceAll(/[.[\]]/g, '\\$&')

function heading(text: string): void {
  console.log(`\n== ${text} ==`)
}
