/** A machine to install Debian packages on: this one, whose /usr, /etc and /var are overlays in a mount namespace, and gone with it. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Finished, mustRun, run } from '../../netns/processes.ts'

/** What packages write to. */
const WRITTEN = ['/usr', '/etc', '/var']

/** $1 is a folder, all others are folders of /run that are as they are outside: whatever else is there, a systemd above all, is not. */
const SCRIPT = `set -e
scratch=$1
shift
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/run"
mount --rbind /run "$scratch/run"
mount -t tmpfs -o mode=755 tmpfs /run
for place in "$@"; do
  mkdir -p "$place"
  mount --rbind "$scratch$place" "$place"
done
for place in ${WRITTEN.join(' ')}; do
  mkdir -p "$scratch/upper$place" "$scratch/work$place"
  mount -t overlay -o "lowerdir=$place,upperdir=$scratch/upper$place,workdir=$scratch/work$place" overlay "$place"
done
# The index of all man pages is not wanted: it takes longer than all else.
rm -f /var/lib/man-db/auto-update
echo ready
exec sleep infinity`

export interface OwnRoot {
  /** What runs a command there: these words, and then its own. */
  words: string[]
  must(...argv: string[]): Promise<string>
  run(...argv: string[]): Promise<Finished>
  /** Whatever has been written there since, and is still there, whose path has this word. */
  written(word: string): Promise<string[]>
}

/** `folder` is an empty one to mount on; `kept` are folders of /run. */
export async function ownRoot(t: TestContext, folder: string, kept: string[]): Promise<OwnRoot> {
  const scratch = join(folder, 'own-root')
  mkdirSync(scratch)
  const words = ['unshare', '--mount', 'sh', '-c', SCRIPT, 'sh', scratch, ...kept]
  const holder = spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(holder, 'exit')
  t.after(async () => {
    holder.kill('SIGKILL')
    await gone
  })
  const [said] = await Promise.race([once(holder.stdout, 'data'), gone])
  assert.equal(`${said}`, 'ready\n')
  const inside = ['nsenter', '-t', `${holder.pid}`, '-m', '--']
  return {
    words: inside,
    must: (...argv) => mustRun([...inside, ...argv]),
    run: (...argv) => run([...inside, ...argv]),
    written: async word => {
      const upper = join(scratch, 'upper')
      // A character device is what an overlay has for what was taken away.
      const find = `cd ${upper} && find . -path '*${word}*' ! -type c -printf '/%P\\n'`
      const found = await mustRun([...inside, 'sh', '-c', find])
      return found.split('\n').filter(Boolean).sort()
    },
  }
}
