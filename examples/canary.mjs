/**
 * A scheduler of one's own: one client in twenty, always the same ones, goes to what is new, which listens on port 8081; all others
 * go to the rest. Of those that a client may have it gets the one with the least to do for its weight.
 */
export default function pick(client, servers) {
  const isCanary = Number(client.address.split('.')[3]) % 20 === 0
  let best
  for (const server of servers) {
    if (!server.usable || (server.port === 8081) !== isCanary) continue
    if (best === undefined || delay(server) < delay(best)) best = server
  }
  // Nobody: the service's scheduler chooses.
  return best
}

function delay({ active, weight }) {
  return (active + 1) / weight
}
