/** What the kernel can do, found by doing it: in a namespace made for that, so that the machine sees nothing of it. */

import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs'
import { BURST } from '../../engine/frames.ts'
import { Steering } from '../../engine/steering.ts'
import {
  attachTcx,
  closeFd,
  leaveNetns,
  linkFacts,
  loadClassifier,
  type NativeError,
  newNetns,
  openRing,
  openTap,
  QUEUE_MULTI,
  socketIn,
  steer,
  TCX_INGRESS,
} from '../../io/native.ts'
import { fromTapProgram } from '../../io/nic-bpf.ts'
import { steeringProgram } from '../../io/steering-bpf.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { sysctl } from './rights.ts'

const TUN = '/dev/net/tun'
const PROBE = 'tapvs-doctor'

export function tunDevice(path = TUN): Finding {
  const node = statSync(path, { throwIfNoEntry: false })
  if (!node?.isCharacterDevice()) {
    const loaded = /^tun /m.test(readModules())
    const mend = loaded
      ? 'start the container with --device /dev/net/tun, or: mknod /dev/net/tun c 10 200'
      : 'load the module: modprobe tun; in a container: --device /dev/net/tun'
    return fail('tun', `there is no ${path}`, mend)
  }
  try {
    closeSync(openSync(path, constants.O_RDWR))
    return ok('tun', `${path} can be opened`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM')
      return fail('tun', `${path}: ${code}`, 'load the module: modprobe tun')
    const mode = (node.mode & 0o777).toString(8)
    const mend =
      code === 'EACCES' ? `chmod 666 ${path}, as udev does` : 'allow it to this container'
    return fail(
      'tun',
      `${path} may not be opened by user ${process.getuid?.()} (mode ${mode})`,
      mend,
    )
  }
}

function readModules(): string {
  try {
    return readFileSync('/proc/modules', 'utf8')
  } catch {
    return ''
  }
}

export function ring(disabled = sysctl('kernel.io_uring_disabled')): Finding {
  try {
    openRing(BURST, BURST)
    return ok('io_uring', 'bursts take one system call')
  } catch (error) {
    const { code, message } = error as NativeError
    const mend =
      code === 'EPERM' && disabled !== '' && disabled !== '0'
        ? 'sysctl kernel.io_uring_disabled=0, if your rules allow it'
        : code === 'EPERM'
          ? 'allow it in the seccomp filter of the container or service'
          : 'take Linux 5.18 or newer'
    return warn('io_uring', `${message}; each frame takes a system call`, mend)
  }
}

/** Several queues with virtio-net headers, a program that steers, and those that join a NIC with its TAP, if there is `nics`. */
export function queues(nics: boolean): Finding[] {
  let home: number
  try {
    home = newNetns()
  } catch (error) {
    const text = `not tried: ${(error as Error).message}`
    const untried = nics ? ['queues', 'tcx'] : ['queues']
    return untried.map(check => warn(check, text, 'run the doctor as root to see it tried'))
  }
  const fds: number[] = []
  try {
    fds.push(openTap(PROBE, '', QUEUE_MULTI), openTap(PROBE, '', QUEUE_MULTI))
    const found = [ok('queues', 'a TAP has several, with offloads'), steering(fds[0] as number)]
    return nics ? [...found, tcx()] : found
  } catch (error) {
    const mend = 'take a kernel with IFF_MULTI_QUEUE and IFF_VNET_HDR, and the rights to use them'
    return [fail('queues', (error as Error).message, mend)]
  } finally {
    for (const fd of fds) closeFd(fd)
    leaveNetns(home)
  }
}

/** On the TAP of this namespace. */
function tcx(): Finding {
  try {
    const socket = socketIn('')
    const index = linkFacts(socket, PROBE)?.[1] ?? 0
    closeFd(socket)
    const program = loadClassifier(fromTapProgram(index))
    try {
      closeFd(attachTcx(program, '', index, TCX_INGRESS))
    } finally {
      closeFd(program)
    }
    return ok('tcx', 'the kernel takes the programs of NICs')
  } catch (error) {
    const { code, message } = error as NativeError
    const mend =
      code === 'EPERM' ? 'give it CAP_BPF and CAP_NET_ADMIN' : 'arms of kind nic take Linux 6.6'
    return fail('tcx', message, mend)
  }
}

function steering(fd: number): Finding {
  try {
    steer(fd, steeringProgram(new Steering(2), []))
    return ok('steering', 'the kernel takes the program')
  } catch (error) {
    const text = `${(error as Error).message}; workers will hand over`
    return warn('steering', text, 'give it CAP_BPF, or set workers.steering to handover')
  }
}
