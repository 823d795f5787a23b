/** What of a change is no step of a worker: what control does by itself, and what only a restart does. */

import { snakeCase } from '../see/text/snake-case.ts'
import type { ConfigValues } from './config.ts'

/** What control changes of itself, without any worker. */
export function controlSteps(before: ConfigValues, after: ConfigValues): string[] {
  const keys: [string, (config: ConfigValues) => unknown][] = [
    ['log.level', ({ log }) => log.level],
    ['log.modules', ({ log }) => JSON.stringify(log.modules)],
    ['capture.ring', ({ capture }) => capture.ring],
    ['capture.snaplen', ({ capture }) => capture.snaplen],
    ['capture.dump', ({ capture }) => (capture.dump ? JSON.stringify(capture.dump) : 'none')],
    ['control.drain', ({ control }) => control.drain],
  ]
  return keys
    .filter(([, of]) => differ(of(before), of(after)))
    .map(([key, of]) => `~ ${key} ${of(before)} => ${of(after)}`)
}

/** What is not made of items, and what a running log or clock can be told, is as it was at the start. */
export function restartKeys(before: ConfigValues, after: ConfigValues): string[] {
  const keys: string[] = []
  const armsOf = ({ arms }: ConfigValues) =>
    arms.map(({ name, kind, netns, mac, mtuLimit, vlan, impair }) => ({
      ...{ name, kind, netns, mtuLimit, vlan, impair },
      // A NIC's is no matter of the config.
      mac: kind === 'nic' ? '' : mac,
    }))
  if (differ(armsOf(before), armsOf(after)))
    keys.push('arms (name, kind, netns, mac, mtu, vlan, impair)')
  const tcpOf = ({ tcp: { timeouts: _, ...rest } }: ConfigValues) => rest
  const udpOf = ({ udp: { timeouts: _, ...rest } }: ConfigValues) => rest
  const logOf = ({ log: { level: _, modules: __, ...rest } }: ConfigValues) => rest
  // Looked up when the end begins.
  const controlOf = ({ control: { drain: _, ...rest } }: ConfigValues) => rest
  const parts: [string, object, object][] = [
    ['log', logOf(before), logOf(after)],
    ['tcp', tcpOf(before), tcpOf(after)],
    ['udp', udpOf(before), udpOf(after)],
    ['workers', before.workers, after.workers],
    ['connections', before.connections, after.connections],
    ['neighbours', before.neighbours, after.neighbours],
    ['fragments', before.fragments, after.fragments],
    ['history', before.history, after.history],
    ['capture', { size: before.capture.bytes }, { size: after.capture.bytes }],
    ['control', controlOf(before), controlOf(after)],
  ]
  for (const [part, old, now] of parts) {
    for (const [key, value] of Object.entries(now)) {
      if (differ((old as Record<string, unknown>)[key], value))
        keys.push(`${part}.${snakeCase(key)}`)
    }
  }
  return keys
}

function differ(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b)
}
