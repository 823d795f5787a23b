import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCommand } from '../../../src/cli/ipvsadm/command.ts'

const T = '-t 202.108.10.1:6379'
const read = (line: string) => readCommand(line.split(' ')).command

test('how a real server is reached', () => {
  for (const [flag, name, forwarding] of [
    ['-b', '--fullnat', 'fullnat'],
    ['-m', '--masquerading', 'nat'],
    ['-g', '--gatewaying', 'dr'],
    ['-i', '--ipip', 'tunnel'],
  ]) {
    const command = read(`-e ${T} -r 10.0.0.2 ${flag}`)
    assert.ok(command.do === 'edit' && command.edits[0]?.edit === 'edit-server')
    assert.equal(command.edits[0].forwarding, forwarding)
    assert.deepEqual(read(`-e ${T} -r 10.0.0.2 ${name}`), command)
  }
  // What is left out of an edit stays, and of a new one has its default.
  const [edit] = (read(`-e ${T} -r 10.0.0.2 -w 3`) as { edits: object[] }).edits
  assert.ok(edit && !('forwarding' in edit))
})

test('in one way', () => {
  const bare = { name: 'CliError', exitCode: 2 }
  const both = '-b and -g: a real server is reached in one way'
  assert.throws(() => read(`-a ${T} -r 10.0.0.2 -bg`), { ...bare, message: both })
  const ofService = '-g does not go with -A; see tapvs ipvsadm --help'
  assert.throws(() => read(`-A ${T} -g`), { ...bare, message: ofService })
})
