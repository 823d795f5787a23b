// Which commit this tree is of: that of git, `.dirty` behind it if files were changed since, or the one of which `git archive` made the folder.

import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = realpathSync(fileURLToPath(new URL('..', import.meta.url)))
const LENGTH = 12
// Filled in by `git archive` (.gitattributes), with which forges make the archives of a tag.
const ARCHIVED = '$Format:%H$'

function git(...words) {
  // The clone may be somebody else's, as under sudo.
  const { status, stdout } = spawnSync('git', ['-c', 'safe.directory=*', '-C', ROOT, ...words], {
    encoding: 'utf8',
  })
  return status === 0 ? stdout.trim() : ''
}

/** => '' if nobody knows */
export function commitOf() {
  if (/^[0-9a-f]+$/.test(ARCHIVED)) return ARCHIVED.slice(0, LENGTH)
  // An unpacked package may lie in some other repository.
  if (git('rev-parse', '--show-toplevel') !== ROOT) return ''
  const commit = git('rev-parse', `--short=${LENGTH}`, 'HEAD')
  const isDirty = commit !== '' && git('status', '--porcelain', '--untracked-files=no') !== ''
  return `${commit}${isDirty ? '.dirty' : ''}`
}
