/** `tapvs config` and `tapvs reload`, as commands. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Finished } from '../../../netns/processes.ts'
import { CHECKOUT, TAPVS } from '../../../netns/topology.ts'
import type { Answer, PlanInfo, Request } from '../../../src/api/commands.ts'
import { openServer } from '../../../src/control/http/server.ts'
import { SAMPLES } from '../../kit/imported.ts'
import { inside } from '../../kit/inside.ts'

const LAB = join(CHECKOUT, 'config/lab.yaml')
const NOTHING: PlanInfo = { steps: [], restart: [], warnings: [], new_warnings: [] }

const tapvs = (...argv: string[]): Promise<Finished> => inside(argv)

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-config-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A daemon that answers every change with `plan`. => a command line that asks it, and what it was asked */
async function daemon(t: TestContext, plan: Partial<PlanInfo>, config: object = {}) {
  const asked: Request[] = []
  const socket = join(folder(t), 'tapvs.sock')
  const server = await openServer(socket, async (request): Promise<Answer> => {
    asked.push(request)
    return {
      ok: request.verb === 'config' ? (config as Record<string, unknown>) : { ...NOTHING, ...plan },
    }
  })
  t.after(() => server.close())
  const ask = async (...argv: string[]) => {
    asked.length = 0
    return tapvs(...argv, '--socket', socket)
  }
  return { ask, asked }
}

test('config show prints the running config as a file', async t => {
  const config = {
    log: { level: 'debug', timestamps: 'auto' },
    arms: [{ addresses: ['10.0.0.1/24'], name: 'a' }],
  }
  const { ask, asked } = await daemon(t, {}, config)
  assert.deepEqual(await ask('config', 'show'), {
    code: 0,
    stdout: 'arms:\n  - name: a\n    addresses: [10.0.0.1/24]\n\nlog:\n  level: debug\n',
    stderr: '',
  })
  assert.deepEqual(asked, [{ verb: 'config' }])
})

test('config apply sends the file without its defaults and says what was done', async t => {
  const steps = ['+ address 10.0.0.9/32 on ext0', '- service TCP 10.0.0.1:80']
  const { ask, asked } = await daemon(t, { steps })
  assert.deepEqual(await ask('config', 'apply', LAB), {
    code: 0,
    stdout: `${steps.join('\n')}\napplied, 2 changes\n`,
    stderr: '',
  })
  const [request] = asked
  assert.ok(request?.verb === 'apply' && request.dry_run === false)
  assert.deepEqual(Object.keys(request.config), ['arms', 'services', 'log', 'history', 'capture'])
  assert.deepEqual(await ask('config', 'apply', LAB, '--dry-run'), {
    code: 0,
    stdout: `${steps.join('\n')}\n`,
    stderr: '',
  })
  assert.ok(asked[0]?.verb === 'apply' && asked[0].dry_run === true)
})

test('config apply with nothing to do', async t => {
  const { ask } = await daemon(t, {})
  for (const argv of [
    ['apply', LAB],
    ['apply', LAB, '--dry-run'],
  ]) {
    const expected = { code: 0, stdout: 'nothing to do\n', stderr: '' }
    assert.deepEqual(await ask('config', ...argv), expected)
  }
})

test('config diff exits with 1 when there is a difference', async t => {
  const steps = ['~ tcp.timeouts 1 => 2']
  const some = await daemon(t, { steps, restart: ['workers.count'] })
  assert.deepEqual(await some.ask('config', 'diff', LAB), {
    code: 1,
    stdout: '~ tcp.timeouts 1 => 2\n! workers.count (needs a restart)\n',
    stderr: '',
  })
  assert.ok(some.asked[0]?.verb === 'apply' && some.asked[0].dry_run === true)
  const none = await daemon(t, {})
  assert.deepEqual(await none.ask('config', 'diff', LAB), { code: 0, stdout: '', stderr: '' })
})

test('what needs a restart is named and nothing is applied', async t => {
  const { ask } = await daemon(t, { steps: ['+ x'], restart: ['workers.count', 'arms[0].mac'] })
  // Trying it ends as doing it does, so that a script may try first.
  assert.deepEqual(await ask('config', 'apply', LAB, '--dry-run'), {
    code: 1,
    stdout: '+ x\n! workers.count (needs a restart)\n! arms[0].mac (needs a restart)\n',
    stderr: 'tapvs: nothing was applied: only a restart changes workers.count, arms[0].mac\n',
  })
  for (const argv of [['config', 'apply', LAB], ['reload']]) {
    assert.deepEqual(await ask(...argv), {
      code: 1,
      stdout: '',
      stderr: 'tapvs: nothing was applied: only a restart changes workers.count, arms[0].mac\n',
    })
  }
})

test('reload says what was done, and what the daemon warns of', async t => {
  const { ask, asked } = await daemon(t, { steps: ['+ x'], warnings: ['f:1:1 a: b'] })
  assert.deepEqual(await ask('reload'), {
    code: 0,
    stdout: '+ x\napplied, 1 change\n',
    stderr: 'f:1:1 a: b (warning)\n',
  })
  assert.deepEqual(asked, [{ verb: 'reload' }])
})

test('a file with mistakes does not get as far as the daemon', async t => {
  const { ask, asked } = await daemon(t, {})
  const file = join(folder(t), 'x.yaml')
  writeFileSync(file, 'arms: [{ name: a, mtu: 1 }]\nlgo: {}\n')
  for (const verb of ['apply', 'diff']) {
    assert.deepEqual(await ask('config', verb, file), {
      code: 2,
      stdout: '',
      stderr: [
        `${file}:1:24 arms[0].mtu: expected a whole number 576-9000, found 1\n`,
        `${file}:2:1 lgo: expected a known key, found "lgo"; did you mean log?\n`,
      ].join(''),
    })
  }
  assert.deepEqual(asked, [])
})

test('a key that is a list is one mistake, without a word of the YAML library', async t => {
  const file = join(folder(t), 'x.yaml')
  writeFileSync(file, 'arms: [{ name: a }]\n? [b]\n: 1\n')
  const stderr = `${file}:1:1 [ b ]: expected a known key, found "[ b ]"\n`
  assert.deepEqual(await tapvs('config', 'check', file), { code: 2, stdout: '', stderr })
})

test('config import: the config on stdout, all else on stderr', async () => {
  const good = await tapvs('config', 'import', 'ipvsadm', join(SAMPLES, 'dpvs.rules'))
  assert.equal(`${good.code} ${good.stderr}`, '0 ')
  assert.match(good.stdout, /^# Imported by tapvs\./)
  assert.match(good.stdout, /^ {2}- address: 202\.108\.10\.1\n {4}port: 6379$/m)

  const file = join(SAMPLES, 'lvs.rules')
  const poor = await tapvs('config', 'import', 'ipvsadm', file)
  assert.equal(poor.code, 2)
  assert.match(poor.stdout, /^ {2}- name: int0$/m)
  const lines = poor.stderr.split('\n')
  assert.ok(
    lines.includes(
      `${file}:12: -a -f 7 -r 10.20.0.11:0 -g -w 1: services by firewall mark are not supported (DPVS never matches them) (not carried over)`,
    ),
  )
  assert.match(
    poor.stderr,
    /^stdout:\d+:\d+ services\[2\]\.real_servers\[0\]\.forwarding: expected an address of int0, /m,
  )
})

test('config import keepalived, with arms of a file', async () => {
  const file = join(SAMPLES, 'dpvs.conf')
  const { code, stdout, stderr } = await tapvs('config', 'import', 'keepalived', file)
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /^ {4}check: \{ type: tcp, interval: 5, max_interval: 5, timeout: 3, rise: 1 \}$/m,
  )
  const withArms = await tapvs('config', 'import', 'keepalived', file, '--arms', LAB)
  assert.equal(withArms.code, 2)
  assert.match(withArms.stdout, /^ {4}netns: tapvs-client$/m)
  assert.ok(withArms.stderr.includes(`${LAB}: its own services are left out\n`))
})

test('config import keepalived: what is to be looked at, and lines for one host', async t => {
  const file = join(folder(t), 'k.conf')
  const server = 'real_server 192.168.168.2 80 { }'
  const service = `protocol TCP lb_kind FNAT\n@a lb_algo rr\n@^a lb_algo wrr\n${server}`
  writeFileSync(file, `virtual_server 202.108.10.1 80 {\n${service}\n}\n`)
  const told = async (...more: string[]) => {
    const { stdout, stderr } = await tapvs('config', 'import', 'keepalived', file, ...more)
    return { scheduler: /scheduler: (\w+)/.exec(stdout)?.[1] ?? 'wrr', stderr }
  }
  const lines = 'several keywords on one line: keepalived 2 reads only the first of them'
  const a = await told('--config-id', 'a')
  assert.equal(a.scheduler, 'rr')
  assert.ok(a.stderr.includes(`${file}:2: ${lines}, here each is read\n`), a.stderr)
  assert.ok(a.stderr.includes(`${file}:4: @^a lb_algo wrr: it is for all but the config-id a, `))
  const b = await told('--config-id', 'b')
  assert.equal(b.scheduler, 'wrr')
  assert.ok(b.stderr.includes(`${file}:3: @a lb_algo rr: it is for the config-id a, and this is b`))
})

test('config import from standard input', async () => {
  const child = spawn(TAPVS, ['config', 'import', 'ipvsadm', '-'], { stdio: 'pipe' })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      text += chunk
    })
  }
  child.stdin.end(`${readFileSync(join(SAMPLES, 'dpvs.rules'), 'utf8')}nonsense\n`)
  assert.equal(await new Promise(done => child.on('close', done)), 0)
  assert.match(text, /port: 6379/)
  assert.match(text, /^stdin:9: nonsense: this is no command of ipvsadm \(not carried over\)$/m)
})

test('config import: what is wrong is one line', async t => {
  const place = folder(t)
  const broken = join(place, 'x.conf')
  writeFileSync(broken, 'a {\n')
  const cases: [argv: string[], code: number, stderr: string][] = [
    [['keepalived', broken], 2, `${broken}:1: a { has no }\n`],
    [['keepalived', `${place}/none`], 1, `tapvs: ${place}/none: no such file\n`],
    [['ipvsadm', ''], 1, 'tapvs: : no such file\n'],
  ]
  for (const [argv, code, stderr] of cases) {
    assert.deepEqual(await tapvs('config', 'import', ...argv), { code, stdout: '', stderr })
  }
})
