/** A NIC takes in the groups of our addresses of IPv6 while a descriptor of ours is open, and no longer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupsOf, joinGroups } from '../../src/io/groups.ts'
import { ipv6Text, ipv6Words } from '../../src/wire/ipv6-address.ts'
import { close, ip, namespacePerTest, own, PATH } from '../kit/tap.ts'

namespacePerTest()

const index = () => Number.parseInt(ip('-o', 'link', 'show', 'dev', 'nic0'), 10)
/** MACs of groups that the device lets in. */
const groups = () =>
  [...ip('maddr', 'show', 'dev', 'nic0').matchAll(/link +33:33:ff:(\S+)/g)].map(([, last]) => last)

test('of each address its solicited-node group, each once', () => {
  const addresses = ['2001:db8::12:3456', '2001:db8:1::ff12:3456', '2001:db8::1'].map(ipv6Words)
  assert.deepEqual(groupsOf(addresses).map(ipv6Text), ['ff02::1:ff12:3456', 'ff02::1:ff00:1'])
  assert.deepEqual(groupsOf([]), [])
})

test('the device lets them in, whether it is up or not, until the last descriptor goes', () => {
  ip('link', 'add', 'nic0', 'type', 'veth', 'peer', 'name', 'far0')
  const addresses = ['2001:db8::12:3456', '2001:db8::1'].map(ipv6Words)
  const fds = joinGroups(PATH, index(), groupsOf(addresses))
  for (const fd of fds) own(fd)
  assert.equal(fds.length, 1)
  ip('link', 'set', 'nic0', 'up')
  ip('link', 'set', 'far0', 'up')
  assert.ok(groups().includes('12:34:56') && groups().includes('00:00:01'), groups().join(' '))
  const others = joinGroups(PATH, index(), groupsOf(addresses.slice(1)))
  for (const fd of others) own(fd)
  for (const fd of fds) close(fd)
  assert.ok(!groups().includes('12:34:56') && groups().includes('00:00:01'), groups().join(' '))
  for (const fd of others) close(fd)
  assert.ok(!groups().includes('00:00:01'), groups().join(' '))
})

test('as many as there may be addresses', () => {
  ip('link', 'add', 'nic0', 'up', 'type', 'veth', 'peer', 'name', 'far0')
  const many = Array.from({ length: 5000 }, (_, i) =>
    ipv6Words(`2001:db8::${(i + 2).toString(16)}`),
  )
  const fds = joinGroups(PATH, index(), groupsOf(many))
  for (const fd of fds) own(fd)
  assert.ok(groups().length >= 5000, `${groups().length} groups`)
})

test('a device that is not there, or has no IPv6, is said', () => {
  assert.throws(() => joinGroups(PATH, 4711, groupsOf([ipv6Words('2001:db8::1')])), {
    code: 'ENODEV',
  })
  ip('link', 'add', 'nic0', 'mtu', '1000', 'up', 'type', 'veth', 'peer', 'name', 'far0')
  const at = index()
  assert.throws(() => joinGroups(PATH, at, groupsOf([ipv6Words('2001:db8::1')])), {
    code: 'EINVAL',
  })
})
