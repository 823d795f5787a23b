// `lab demo`: the seed's scenario from beginning to end, shown and judged. The exit code is 0 only if
// every expectation held; each one that did not is a line of its own.

import { join } from 'node:path'
import { logSince } from './appliance.ts'
import { type Capture, readCapture, startCapture } from './capture.ts'
import { LabError } from './lab-error.ts'
import { until } from './processes.ts'
import { type Arms, REDIS_PORT, type Side } from './topology.ts'
import { Lab } from './two-arm.ts'

const VIP = '202.108.10.1'
const CIP = '202.108.10.2'
const LIP = '192.168.168.7'
const RIP = '192.168.168.2'
const CLI = ['redis-cli', '-h', VIP, '-p', `${REDIS_PORT}`]
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
  arms: Arms | undefined,
  signal: AbortSignal,
): Promise<Failures> {
  let lab = new Lab(name, arms)
  // A lab that is there is not ours to disturb.
  if (lab.exists() || lab.busy()) lab = new Lab(`${name}-demo`, arms)
  return lab.alone(() => demoIn(lab, signal), signal)
}

async function demoIn(lab: Lab, signal: AbortSignal): Promise<Failures> {
  const failures: Failures = []
  const captures: Capture[] = []
  try {
    await lab.down()
    await lab.up({}, signal)
    await showConversation(lab, captures, failures, signal)
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

async function showConversation(
  lab: Lab,
  captures: Capture[],
  failures: Failures,
  signal: AbortSignal,
): Promise<void> {
  await ask(lab, ['log', 'level', 'debug'])
  const capture = async (side: Side) => {
    const started = await startCapture(lab, side, join(lab.paths.folder, `${side}.pcap`))
    captures.push(started)
    return started.file
  }
  const files = { client: await capture('client'), rs: await capture('rs') }

  const logStart = Buffer.byteLength(logSince(lab.paths, 0))
  heading(`In ${lab.arm('client').netns}: ${[...CLI, ...SEED_COMMAND].join(' ')}`)
  const seed = await redisCli(lab, SEED_COMMAND, signal)
  expect(failures, seed.includes(SEED_REPLY), `the reply should say "${SEED_REPLY}": ${seed}`)
  const log = await seedLog(lab, logStart, signal)

  heading('Some ordinary commands')
  const value = `through-the-vip-${process.pid}`
  const set = await redisCli(lab, ['set', 'greeting', value], signal)
  expect(failures, set === 'OK', `SET should say OK: ${set}`)
  const got = await redisCli(lab, ['get', 'greeting'], signal)
  expect(failures, got === value, `GET should give back ${value}: ${got}`)

  const clientSide = await settled(files.client, `${CIP}\\.\\d+ > ${VIP}\\.${REDIS_PORT}`, signal)
  heading(`The client arm: tcpdump -nnS -i ${lab.arm('client').device}`)
  console.log(clientSide.trim())
  const rsSide = await settled(files.rs, `${LIP}\\.\\d+ > ${RIP}\\.${REDIS_PORT}`, signal)
  heading(`The RS arm: tcpdump -nnS -i ${lab.arm('rs').device}`)
  console.log(rsSide.trim())
  judgeCaptures(clientSide, rsSide, failures)

  heading("The debug log of the seed's connection")
  console.log(log.trim())
  expect(failures, /new conn: .*202\.108\.10\.2:\d+/.test(log), 'the log should have a `new conn`')

  heading('tapvs ipvsadm -ln')
  console.log(await ask(lab, ['ipvsadm', '-ln']))
  heading('tapvs ipvsadm -ln -c')
  const listing = await ask(lab, ['ipvsadm', '-ln', '-c'])
  console.log(listing)
  const inTimeWait = listing.split('\n').some(row => row.includes('TIME_WAIT') && row.includes(CIP))
  expect(failures, inTimeWait, 'the listing should show the connection in TIME_WAIT')
  heading('tapvs dpip addr show')
  console.log(await ask(lab, ['dpip', 'addr', 'show']))
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
function judgeCaptures(clientSide: string, rsSide: string, failures: Failures): void {
  const syn = new RegExp(`IP ${dots(CIP)}\\.(\\d+) > ${dots(VIP)}\\.${REDIS_PORT}: Flags \\[S\\]`)
  const port = syn.exec(clientSide)?.[1]
  expect(failures, port !== undefined, `the client arm should show a SYN from ${CIP} to the VIP`)
  const toa = `exp-${Number(port ?? 0)
    .toString(16)
    .padStart(4, '0')}`
  const toRs = `IP ${dots(LIP)}\\.\\d+ > ${dots(RIP)}\\.${REDIS_PORT}: Flags \\[S\\].*${toa}`
  const arrived = port !== undefined && new RegExp(toRs).test(rsSide)
  expect(failures, arrived, `the RS arm should show a SYN from ${LIP} to ${RIP} with TOA ${toa}`)
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

async function redisCli(lab: Lab, command: string[], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const { code, stdout, stderr } = await lab.client([...CLI, ...command], {
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

const dots = (address: string) => address.replaceAll('.', '\\.')

function heading(text: string): void {
  console.log(`\n== ${text} ==`)
}
