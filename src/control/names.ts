/** What services and real servers are called in logs, messages and maps. */

/** TCP 192.0.2.1:80 */
export function serviceName(service: { protocol: string; address: string; port: number }): string {
  return `${service.protocol.toUpperCase()} ${service.address}:${service.port}`
}

/** 192.0.2.1:80 */
export function serverName({ address, port }: { address: string; port: number }): string {
  return `${address}:${port}`
}
