/** A host behind a router: a namespace of its own on a link to a side of the lab, which routes for it. */

import { after } from 'node:test'
import { deleteNetns, inside, makeNetns } from '../../netns/namespaces.ts'
import { type Finished, mustRun, type RunOptions, run } from '../../netns/processes.ts'
import type { Netns, Side } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'

/** By side: the network of the link behind it, in which .1 routes and .2 is the host. */
export const FAR_NET: Record<Side, string> = { client: '10.78.0', rs: '10.77.0' }

export class Far {
  readonly #lab: Lab
  readonly #side: Side
  readonly #host: Netns

  constructor(lab: Lab, side: Side) {
    this.#lab = lab
    this.#side = side
    const netns = `${lab.name}-f${side}`
    this.#host = { netns, netnsPath: `/run/netns/${netns}` }
    after(() => deleteNetns(this.#host))
  }

  /** Once the lab is up. Its segments have room for 1500 bytes, whatever the link's MTU is: it is for the routers to say. */
  async up(mtu: number): Promise<void> {
    await deleteNetns(this.#host)
    await makeNetns(this.#host)
    const net = FAR_NET[this.#side]
    const { netns } = this.#host
    await this.#router(['ip', 'link', 'add', 'far', 'type', 'veth', 'peer', 'near', 'netns', netns])
    await this.#router(['ip', 'addr', 'add', `${net}.1/24`, 'dev', 'far'])
    await this.#router(['ip', 'link', 'set', 'far', 'mtu', `${mtu}`, 'up'])
    await this.#router(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    await this.#must(['ip', 'addr', 'add', `${net}.2/24`, 'dev', 'near'])
    await this.#must(['ip', 'link', 'set', 'near', 'mtu', `${mtu}`, 'up'])
    await this.#must(['ip', 'route', 'add', 'default', 'via', `${net}.1`, 'advmss', '1460'])
  }

  async setMtu(mtu: number): Promise<void> {
    await this.#router(['ip', 'link', 'set', 'far', 'mtu', `${mtu}`])
    await this.#must(['ip', 'link', 'set', 'near', 'mtu', `${mtu}`])
  }

  /** Runs a command on the host. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run([...inside(this.#host), ...argv], options)
  }

  #must(argv: readonly string[]): Promise<string> {
    return mustRun([...inside(this.#host), ...argv])
  }

  #router(argv: readonly string[]): Promise<string> {
    return mustRun(this.#lab.inside(this.#side, argv))
  }
}
