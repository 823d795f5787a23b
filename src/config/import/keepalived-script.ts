/**
 * The command of a MISC_CHECK. A script that is told the real server's address has to be told where the check's own
 * path begins instead, which is in its environment.
 */

import { isIpv6Text } from '../../wire/ip-address.ts'

export interface Script {
  command: string[]
  /** Where it connects to, if it is another port than the real server's. */
  port?: number
  /** It names the address of the real server. */
  isTold: boolean
}

/** `said` is what misc_path says. => why it cannot be carried over, if it cannot */
export function scriptOf(
  said: string,
  server: { address: string; port: number | undefined },
): Script | string {
  const args = argsOf(said)
  if (!args[0]?.startsWith('/')) return 'expected a misc_path that begins with /'
  const address = placesOf(server.address)
  if (!args.some(arg => arg.search(address) >= 0)) return { command: args, isTold: false }
  if (!args.every(arg => /^[\w./:=,@%+?&~[\]-]+$/.test(arg))) {
    return 'write its command by hand: $CHECK_ADDRESS is the address'
  }
  const ports = new Set<number>()
  const replaced = args.map(arg => {
    // A port of its own, as in `-p 80`.
    if (arg === String(server.port)) return '$CHECK_PORT'
    const text = arg.replaceAll(address, (found: string, port: string | undefined) => {
      const host = found.startsWith('[') ? '[$CHECK_ADDRESS]' : '$CHECK_ADDRESS'
      if (port === undefined) return host
      ports.add(Number(port))
      return `${host}:$CHECK_PORT`
    })
    return /[?&~[]/.test(text) ? `"${text}"` : text
  })
  const [port, ...more] = ports
  if (more.length > 0 || port === 0 || Number(port) > 65_535) {
    return 'write its command by hand: a check connects to one port, $CHECK_PORT'
  }
  const command = ['/bin/sh', '-c', `exec ${replaced.join(' ')}`]
  return { command, isTold: true, ...(port !== undefined && port !== server.port && { port }) }
}

/**
 * Where an address stands in a word, as ADDRESS:PORT, [ADDRESS]:PORT or alone: 10.0.0.1 is neither in 10.0.0.11 nor in 210.0.0.1. The
 * port is what the check connects to.
 */
function placesOf(address: string): RegExp {
  if (!isIpv6Text(address)) {
    const escaped = address.replaceAll('.', '\\.')
    return new RegExp(`(?<![\\d.])${escaped}(?::(\\d{1,5})(?!\\d))?(?!\\d|\\.\\d)`, 'g')
  }
  const bracketed = `\\[${address}\\](?::(\\d{1,5})(?!\\d))?`
  return new RegExp(`${bracketed}|(?<![\\da-f:.])${address}(?![\\da-f:.])`, 'gi')
}

/** Blanks part arguments, quotes hold them together. */
function argsOf(said: string): string[] {
  const words = said.match(/(?:'[^']*'|"[^"]*"|[^\s'"]|['"])+/gsu) ?? []
  return words.map(word =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/gsu, (_, single, double) => single ?? double),
  )
}
