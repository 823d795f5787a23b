/**
 * The typed face of build/arm.node (C in native/): TAP queues, bursts of frames between the kernel
 * and one arena, waiting, and network namespaces. It moves bytes and nothing else.
 *
 * A file descriptor here is a plain number and belongs to whoever opened it: nothing closes it but
 * closeFd. All calls are synchronous and act on the calling thread. Wrong argument types throw
 * TypeError, slots or counts outside a list RangeError; a system call that fails throws
 * NativeError, except in readBurst, writeBurst and wait, which return -errno (node:os
 * constants.errno has the numbers, EBADFD is here) because an exception costs microseconds.
 */
import { loadAddon } from './addon.ts'

/**
 * What a failed system call throws: `code` is 'ENOENT', 'EPERM', 'EBUSY'...; the message names step
 * and device.
 */
export interface NativeError extends Error {
  code: string
}

declare const burst: unique symbol
/** An arena and its descriptor list, registered by attach; freed with the last reference to it. */
export interface Burst {
  readonly [burst]: true
}

declare const ring: unique symbol
/** An io_uring of the thread that opened it; freed with the last reference to it, bursts included. */
export interface Ring {
  readonly [ring]: true
}

interface Addon {
  openTap(name: string, netns: string, flags: number): number
  closeFd(fd: number): void
  duplicateFd(fd: number): number
  unpersistTap(fd: number): void
  steer(fd: number, program: Uint8Array): void
  enterNetns(path: string): number
  leaveNetns(previous: number): void
  setUpDevice(
    name: string,
    netns: string,
    address: number,
    prefixLength: number,
    mtu: number,
    network: number,
    networkLength: number,
    gateway: number,
  ): void
  socketIn(netns: string, datagrams: number, six: number): number
  linkFlags(socket: number, name: string): number
  askLink(netns: string, name: string): Uint8Array | null
  netnsOfTap(pid: number, fd: number): number
  newNetns(): number
  notify(path: string, text: string, fds: Int32Array): void
  giveUpRights(): void
  confineThread(ring: Ring | null): void
  confineProcess(): void
  loadClassifier(program: Uint8Array): number
  attachTcx(program: number, netns: string, ifindex: number, where: number): number
  updateLink(link: number, program: number): void
  countTcx(netns: string, ifindex: number, where: number): number
  linkFacts(socket: number, name: string): Int32Array | null
  setUpTap(name: string, netns: string, mtu: number): void
  createWaker(): number
  wake(fd: number): void
  drainWaker(fd: number): void
  openRing(entries: number, least: number): Ring
  attach(arena: Uint8Array, desc: Int32Array, ring: Ring | null): Burst
  readBurst(burst: Burst, fd: number, first: number, max: number, capacity: number): number
  writeBurst(burst: Burst, fd: number, first: number, n: number): number
  wait(fds: Int32Array, revents: Int32Array, n: number, timeoutMs: number): number
}

const addon = loadAddon<Addon>()

/**
 * openTap: one queue of several (IFF_MULTI_QUEUE). Every queue of a TAP must agree, else TUNSETIFF
 * gives EINVAL.
 */
export const QUEUE_MULTI = 1
/** openTap: the TAP outlives its last descriptor, with its addresses. */
export const TAP_PERSIST = 2
/** Bytes of virtio_net_hdr before each frame, in the byte order of this machine. */
export const VNET_HDR_BYTES = 10

/** Bits of revents, from poll.h; node:os has no constants for them. */
export const POLLIN = 0x001
/** The TAP was deleted; readBurst gives -EBADFD. Down is not an error. */
export const POLLERR = 0x008
/** errno of a deleted TAP; node:os has no constant for it. */
export const EBADFD = 77

/**
 * Opens a queue of TAP `name` (1 to 15 bytes) in the namespace file `netns` ('' is the current
 * one), creating the TAP or attaching to a persistent one. Frames carry a virtio_net_hdr of 10
 * bytes; checksum and TCP segmentation offload are on, and since Linux 6.2 that of UDP (USO).
 * => non-blocking, close-on-exec descriptor, the caller's.
 *
 * Throws NativeError: ENOENT and EINVAL for `netns`, EBUSY when the only queue is taken, E2BIG for
 * the 257th of several, EINVAL when a device of that name is no TAP or differs in QUEUE_MULTI,
 * EPERM without CAP_NET_ADMIN (and CAP_SYS_ADMIN for another namespace). The thread is back in its
 * namespace either way; if it cannot go back, the process aborts. TAP_PERSIST sets persistence, its
 * absence does not clear it.
 */
export const openTap: Addon['openTap'] = addon.openTap

/**
 * Closes any descriptor made here; throws NativeError EBADF. A TAP that is not persistent goes with
 * its last one.
 */
export const closeFd: Addon['closeFd'] = addon.closeFd

/** => a second descriptor of the same queue, close-on-exec, the caller's. Throws NativeError EBADF, EMFILE. */
export const duplicateFd: Addon['duplicateFd'] = addon.duplicateFd

/**
 * Ends the persistence of the TAP behind `fd`: it goes when its last descriptor is closed. Throws
 * NativeError.
 */
export const unpersistTap: Addon['unpersistTap'] = addon.unpersistTap

/**
 * Has a BPF program choose the queue of each frame that the kernel sends to the TAP behind `fd`, any of
 * its queues: a socket filter in the bytes of bpf(2), whose result modulo the number of queues is the
 * queue. It replaces the one before and stays with the device, even a persistent one without
 * descriptors; an empty program leaves the choice to tun again. Throws NativeError and changes
 * nothing: EPERM without CAP_BPF or CAP_SYS_ADMIN (where unprivileged_bpf_disabled is set), EINVAL or
 * EACCES with the verifier's words, EBADFD for a deleted TAP.
 */
export const steer: Addon['steer'] = addon.steer

/**
 * Moves this thread into the namespace file `path`; => descriptor of the one it left, for
 * leaveNetns. Throws NativeError and stays. Only for synchronous stretches: what awaits, and any
 * thread first started inside (libuv's pool, a Worker), would carry the namespace on.
 */
export const enterNetns: Addon['enterNetns'] = addon.enterNetns

/**
 * Goes back to the namespace that enterNetns returned and closes it. Throws NativeError, with the
 * thread unmoved.
 */
export const leaveNetns: Addon['leaveNetns'] = addon.leaveNetns

/**
 * Moves this thread into a network namespace made for it, which goes with its last user; => descriptor of the one it
 * left, for leaveNetns. Throws NativeError EPERM without CAP_SYS_ADMIN. What holds for enterNetns holds here.
 */
export const newNetns: Addon['newNetns'] = addon.newNetns

/**
 * Sends `text` as one datagram to the UNIX socket `path` ('@...' is an abstract one), for which see sd_notify(3), with copies of
 * descriptors. Waits a second at most for a reader that is behind. Throws NativeError.
 */
export function notify(path: string, text: string, fds = new Int32Array()): void {
  addon.notify(path, text, fds)
}

/**
 * Takes every capability from the calling thread, and the chance to gain one, for good: descriptors that it has go on
 * working. Other threads keep theirs. Throws NativeError.
 */
export const giveUpRights: Addon['giveUpRights'] = addon.giveUpRights

/**
 * Leaves the calling thread the system calls of a packet thread that runs and ends, for good: no file, no socket, no program,
 * no namespace, and of all rings `ring`. What no packet thread asks for, whatever goes wrong in it (native/filter.c), ends the process by
 * SIGSYS; all else is refused with EPERM. Throws NativeError where there are no filters: ENOSYS, EINVAL.
 */
export const confineThread: Addon['confineThread'] = addon.confineThread

/**
 * Refuses all threads of the process, and what they start, the system calls that no part of a daemon needs (EPERM),
 * namespaces but those of the network, and rings that have not BURST entries (libuv's). Before confineThread in any of them, else it throws NativeError EBUSY.
 */
export const confineProcess: Addon['confineProcess'] = addon.confineProcess

/**
 * Gives device `name` in the namespace file `netns` an address (int32 as 10.0.0.1 is 0x0a000001) and an MTU, brings it up
 * and leads `network` out of it by way of `gateway`. Throws NativeError with the step that failed; steps
 * before it stay done.
 */
export const setUpDevice: Addon['setUpDevice'] = addon.setUpDevice

/**
 * => a socket of TCP, or of UDP if `datagrams` (IPv4, or IPv6 if `six`; non-blocking, close-on-exec), of the namespace file `netns`
 * ('' is the current one), the caller's. Throws NativeError.
 */
export function socketIn(netns: string, datagrams = false, six = false): number {
  return addon.socketIn(netns, Number(datagrams), Number(six))
}

/** Bits of linkFlags, from net/if.h: switched on, and with a carrier. */
export const IFF_UP = 0x1
export const IFF_RUNNING = 0x40

/** => the flags of the device `name` in the namespace of an IPv4 socket, -1 if there is none. Waits for nobody. Throws NativeError. */
export const linkFlags: Addon['linkFlags'] = addon.linkFlags

/**
 * => what rtnetlink says of the device `name` in the namespace file `netns` ('' is the current one): one RTM_NEWLINK
 * message, its header included; null if there is no such device. Waits as long as somebody holds the kernel's lock on
 * links, 3 s at most. Throws NativeError.
 */
export const askLink: Addon['askLink'] = addon.askLink

/**
 * => inode of the namespace in which the TAP behind descriptor `fd` of process `pid` is. Throws NativeError: EPERM
 * without the right to trace that process.
 */
export const netnsOfTap: Addon['netnsOfTap'] = addon.netnsOfTap

/**
 * => a descriptor of a classifier of frames (BPF_PROG_TYPE_SCHED_CLS, in the bytes of bpf(2)), the caller's. Throws
 * NativeError: EPERM without CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN), EINVAL or EACCES with the verifier's words.
 */
export const loadClassifier: Addon['loadClassifier'] = addon.loadClassifier

/** Where attachTcx puts a program: on what comes in from the device, and on what leaves by it (linux/bpf.h). */
export const TCX_INGRESS = 46
export const TCX_EGRESS = 47

/**
 * Puts a classifier on a device of the namespace file `netns` ('' is the current one), before all others that are there.
 * => a link, the caller's: the program goes from the device with the link's last descriptor, or the device with it. Throws
 * NativeError: EINVAL before Linux 6.6, EPERM, ENODEV.
 */
export const attachTcx: Addon['attachTcx'] = addon.attachTcx

/** Replaces the program of a link at one blow. Throws NativeError: ENOLINK once its device has gone. */
export const updateLink: Addon['updateLink'] = addon.updateLink

/** => how many programs tcx has there. Throws NativeError: EINVAL before Linux 6.6, EPERM without CAP_NET_ADMIN. */
export const countTcx: Addon['countTcx'] = addon.countTcx

/**
 * What a device is, read by `socket` of its namespace: flags, ifindex, MTU, type (ARPHRD_ETHER is 1), MAC in 16 and 32
 * bits, and whether LRO is on; null if there is none of that name. Waits for nobody. Throws NativeError.
 */
export const linkFacts: Addon['linkFacts'] = addon.linkFacts

/** Switches TAP `name` of the namespace file `netns` on, without ARP or addresses of IPv6 of its own. Throws NativeError. */
export const setUpTap: Addon['setUpTap'] = addon.setUpTap

/** => an eventfd for wait; any thread of the process may wake it. */
export const createWaker: Addon['createWaker'] = addon.createWaker

/** Makes the waker readable until drained; a second wake before that is the same wake. */
export const wake: Addon['wake'] = addon.wake

/** Makes the waker unreadable; nothing happens if it is already. */
export const drainWaker: Addon['drainWaker'] = addon.drainWaker

/**
 * Opens an io_uring of 1 to 256 entries (rounded up to a power of two), by which a burst takes one
 * system call instead of one a frame, if it has at least `least` frames: as many as were read last,
 * or as are to be written. Throws NativeError where there is none to be had: ENOSYS on an
 * old kernel or without its headers, EPERM when sysctl kernel.io_uring_disabled or a sandbox forbids
 * it, EINVAL before Linux 5.18, EOPNOTSUPP when TAPs cannot be read without waiting.
 */
export const openRing: Addon['openRing'] = addon.openRing

/**
 * Registers an arena and its descriptor list once, so that bursts pass only integers. `desc` has
 * 2*n cells: in [0,n) the byte offset of each slot in the arena, in [n,2n) the length in bytes of
 * the frame there, virtio_net_hdr included. Both may lie over an ArrayBuffer or a
 * SharedArrayBuffer, not over a resizable one. The burst keeps both alive; transferring one of them
 * to another thread makes later bursts throw TypeError. With a `ring` bursts go through it, else each
 * frame is a system call; nothing else differs. Bursts of one thread may share a ring.
 */
export const attach: Addon['attach'] = addon.attach

/**
 * Reads up to `max` frames into the slots from `first` on, at most `capacity` bytes each, and sets
 * their lengths; stops when none is waiting. => frames read, or -errno when the very first read
 * failed: -EBADFD once the TAP is deleted, -EINVAL for a capacity below 10 (that frame is lost),
 * -EFAULT when the slot does not lie inside the arena. An error after some frames shows on the next
 * call. The kernel cuts a frame that is longer than `capacity` without a word, so a length equal to
 * it may be a cut frame: give slots one byte more than the longest frame.
 */
export const readBurst: Addon['readBurst'] = addon.readBurst

/**
 * Writes the frames in slots first..first+n, in this order. => how many failed; the length of such
 * a slot becomes -errno: -EIO while the TAP is down, -EBADFD once it is deleted, -EINVAL
 * for a frame the kernel finds malformed, -EFAULT when it does not lie inside the arena.
 */
export const writeBurst: Addon['writeBurst'] = addon.writeBurst

/**
 * Sleeps until one of fds[0..n), n <= 64, is readable or broken, or `timeoutMs` is over (0 only
 * looks, -1 waits for ever); stores POLL bits in revents[0..n). A negative fd is passed over. =>
 * how many are ready, 0 after a signal (the exit of a child process is one), or -errno. This blocks
 * the thread's event loop, timers and all.
 */
export const wait: Addon['wait'] = addon.wait
