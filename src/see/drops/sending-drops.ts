/** Frames that are lost between the verdict and the wire, or between two workers. */

import type { DropTable } from './drop-row.ts'

export const SENDING_DROPS = {
  neigh_table_full: {
    says: 'next hop that found the neighbour table full',
    leaving: true,
    explain: frame => ({
      rule: `no place among the neighbours for the next hop ${frame.nextHop(frame.dst)}`,
      advice: 'reach real servers by a gateway (arms[].routes) and not each by ARP',
    }),
  },

  neigh_share: {
    says: 'behind half of the neighbour table, which is as much as hosts inside may fill by whom they speak to',
    leaving: true,
    explain: frame => ({
      rule: `neighbours that hosts inside have asked for by SNAT have their half of the table, and ${frame.nextHop(frame.dst)} is none of them yet`,
      advice:
        'find out which host inside tries one address after the other (tapvs dpip neigh show); whom many may speak to is reached by a gateway (arms[].routes)',
    }),
  },

  neigh_queue_full: {
    says: 'behind neighbours.unres_queue_length packets that wait for the same next hop',
    leaving: true,
    explain: frame => ({
      rule: `${frame.context.settings.unresQueueLength + 1} frames wait for the MAC of ${frame.nextHop(frame.dst)} already`,
      advice: `find out why ${frame.nextHop(frame.dst)} is silent: tapvs dpip neigh show; neighbours.unres_queue_length lets more wait`,
    }),
  },

  neigh_unresolved: {
    says: 'waited for a next hop that never answered ARP',
    leaving: true,
    explain: frame => ({
      rule: `${frame.nextHop(frame.dst)} never answered the ARP of ${frame.arm}, and the frame to ${frame.dst} waited for it`,
      advice: `is ${frame.nextHop(frame.dst)} alive and on the network of ${frame.arm}? arping there; a fixed MAC: tapvs dpip neigh add ${frame.nextHop(frame.dst)} lladdr MAC dev ${frame.arm}`,
    }),
  },

  tx_queue_full: {
    says: 'the device queue was full',
    leaving: true,
    explain: frame => ({
      rule: `the queue of ${frame.arm} was full: who reads behind it is too slow (${frame.ends})`,
      advice: `ip link set DEVICE txqueuelen 10000 on ${frame.arm}, or more CPU for what is behind it`,
    }),
  },

  tx_arm_down: {
    says: 'the arm to leave on is down or gone',
    leaving: true,
    explain: frame => ({
      rule: `${frame.arm} was down or gone, and the frame ${frame.ends} had to leave on it`,
      advice: `ip link set ${frame.arm} up in its namespace; the log and tapvs doctor have the whole command, tapvs dpip link show says what is not up`,
    }),
  },

  tx_error: {
    says: 'refused by the kernel for another reason',
    leaving: true,
    explain: frame => ({
      rule: `the kernel refused to take the frame of ${frame.length} bytes on ${frame.arm}`,
      advice:
        'tapvs doctor; the virtio-net header and the offloads of the device do not fit each other',
    }),
  },

  no_buffer: {
    says: 'no free buffer',
    leaving: true,
    explain: frame => ({
      rule: `half of the frame buffers are kept already, for next hops or fragments, so the frame to ${frame.nextHop(frame.dst)} could not wait, or be cut`,
      advice: `find out why next hops are silent: tapvs dpip neigh show; a smaller neighbours.unres_queue_length keeps one from taking all`,
    }),
  },

  engine_error: {
    says: 'the engine threw an exception: a fault of tapvs',
    explain: frame => ({
      rule: `judging the frame ${frame.ends} ended in an exception, which is a fault of tapvs; it is shown as it was then`,
      advice:
        'the exception stands below, and in the log: please report it with this frame; nothing else is lost by it',
    }),
  },

  worker_lost: {
    says: 'waited for a worker that was restarted',
    explain: frame => ({
      rule: `the frame ${frame.ends} had been handed to a worker that hung or ended, and was restarted`,
      advice: 'the log says why the worker was restarted; connections sent it again',
    }),
  },

  impaired: {
    says: 'lost on purpose, by impair in the config',
    explain: frame => ({
      rule: `lost on purpose: impair.loss of ${frame.arm} is ${frame.context.settings.loss[frame.arm] ?? 'gone from the config'}`,
      advice: `arms[].impair in the config, which is for labs only`,
    }),
  },

  hand_over_full: {
    says: 'for another worker, which is too far behind to take it',
    explain: frame => ({
      rule: `another worker owns ${frame.ends}, and it is too far behind to take the frame`,
      advice:
        'steering by BPF spares the hand-over: tapvs doctor says what it needs; fewer workers than CPUs',
    }),
  },
} satisfies DropTable
