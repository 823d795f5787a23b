/**
 * What signals mean, of all that Node or the kernel give a meaning: none is left to them. docs/operating.md has the table.
 *
 * Node makes SIGUSR1 open its debugger, on a loopback port that every user of the machine may connect to, and whoever does
 * runs code as the daemon's user. Its handler is there before any line of ours, so two things are needed: that the debugger
 * cannot open (NO_DEBUGGER, from exec on), and a meaning of our own, which replaces Node's (the first statement of whatever
 * we start). Neither blocking nor ignoring the signal before exec would do: Node sets both anew as it starts. Its option
 * --disable-sigusr1 is unknown to Node 20, which ends at it.
 */

/**
 * An option of node: the debugger's address is one of TEST-NET-1 (RFC 5737), which no machine has, so it cannot listen there.
 * bin/tapvs and scripts/ have it too.
 */
export const NO_DEBUGGER = '--inspect-port=192.0.2.1:1024'

/**
 * What would end a process and has nothing to say to it. Of SIGXFSZ the write itself tells: it fails with EFBIG, as on a
 * full disk.
 */
const MEANINGLESS = [
  ...(['SIGUSR1', 'SIGUSR2', 'SIGXFSZ'] as const),
  ...(['SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGIO', 'SIGPWR', 'SIGSTKFLT'] as const),
]

/** Gives all those a meaning that have none, which is nothing; a listener beside ours may give one more. */
export function decideSignals(): void {
  for (const signal of MEANINGLESS) process.on(signal, () => {})
}

/** Those of a terminal's process group, for a child whose parent is told and ends it. */
export function leaveEndToParent(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
    process.on(signal, () => {})
  }
}
