/** A static server as plain as they come: files of a folder, below a path, and nothing else. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

/** `url` is the folder's address, with a slash at its end. */
export async function serveFiles(
  folder: string,
  below: string,
): Promise<{ url: string; end: () => void }> {
  const server = createServer(({ url = '' }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://any').pathname))
    try {
      if (!path.startsWith(below)) throw new Error('elsewhere')
      const bytes = readFileSync(join(folder, path.slice(below.length)))
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream')
      response.end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const end = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${below}`, end }
}
