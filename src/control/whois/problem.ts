/** Errors of SQLite and of its file, in words. */

/** What is wrong with a file, and what to do about it. */
export function sqliteProblem({ code, message }: { code: string; message: string }): string {
  // SQLITE_BUSY_SNAPSHOT is a kind of SQLITE_BUSY.
  switch (code.replace(/^(SQLITE_[A-Z]+)_.*/, '$1')) {
    case 'CRASHED':
      return `${message}, so it is damaged; move it away`
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return 'it is no SQLite database, or a damaged one; move it away'
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return 'it is locked by another program'
    case 'SQLITE_FULL':
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'SQLITE_READONLY':
      return 'not allowed'
    case 'ERR_MODULE_NOT_FOUND':
    case 'MODULE_NOT_FOUND':
      return 'the package libsql is not installed; run: npm install -g libsql'
    default:
      return message.replaceAll(/\s*\n\s*/g, ' ')
  }
}
