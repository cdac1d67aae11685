import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A file that the publisher has, and how it behaves about it. */
export interface PublishedFile {
  readonly content: Uint8Array
  readonly etag?: string
  readonly lastModified?: string
  /** Answers 200 with everything to any Range. */
  readonly ignoresRange?: boolean
  /** Sends no length. */
  readonly isChunked?: boolean
  /** Breaks the connection after so many bytes of the body, once each. */
  readonly cuts?: number[]
  /** Answers with this status, once each, before it answers properly. */
  readonly failures?: number[]
  /** Sends the head and so many bytes, then nothing. */
  readonly stallsAfter?: number
  readonly redirectTo?: string
}

export interface SeenRequest {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

export interface Publisher extends AsyncDisposable {
  readonly url: string
  readonly files: Map<string, PublishedFile>
  readonly requests: SeenRequest[]
  /** Puts `SHA256SUMS` and `SHA512SUMS` for these files beside them. */
  publish(folder: string, files: Readonly<Record<string, Uint8Array>>): void
}

/** An image publisher's web server on loopback, with the bad days that real ones have. */
export async function startPublisher(): Promise<Publisher> {
  const files = new Map<string, PublishedFile>()
  const requests: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    requests.push({ path, range: request.headers.range, ifRange: request.headersDistinct['if-range']?.[0] })
    const file = files.get(path)
    if (file === undefined) response.writeHead(404).end('not here')
    else answer(file, request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    requests,
    publish(folder, contents) {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const lines = Object.entries(contents).map(
          ([name, content]) => `${hex(algorithm, content)}  ${name}\n`,
        )
        files.set(`${folder}/${algorithm.toUpperCase()}SUMS`, { content: Buffer.from(lines.join('')) })
      }
      for (const [name, content] of Object.entries(contents)) {
        files.set(`${folder}/${name}`, { content, etag: `"${hex('sha256', content).slice(0, 12)}"` })
      }
    },
    [Symbol.asyncDispose]: () => stop(server, sockets),
  }
}

export const hex = (algorithm: 'sha256' | 'sha512', content: Uint8Array): string =>
  createHash(algorithm).update(content).digest('hex')

function answer(file: PublishedFile, request: IncomingMessage, response: ServerResponse): void {
  const failure = file.failures?.shift()
  if (failure !== undefined) return void response.writeHead(failure).end('bad day')
  if (file.redirectTo !== undefined) return void response.writeHead(302, { location: file.redirectTo }).end()

  const total = file.content.length
  const validators = {
    ...(file.etag !== undefined && { etag: file.etag }),
    ...(file.lastModified !== undefined && { 'last-modified': file.lastModified }),
  }
  const start = startOf(file, request)
  if (start !== undefined && start >= total) {
    return void response.writeHead(416, { ...validators, 'content-range': `bytes */${total}` }).end()
  }
  const body = file.content.subarray(start ?? 0)
  response.writeHead(start === undefined ? 200 : 206, {
    ...validators,
    ...(file.isChunked !== true && { 'content-length': body.length }),
    ...(start !== undefined && { 'content-range': `bytes ${start}-${total - 1}/${total}` }),
  })
  const cut = file.cuts?.shift()
  if (cut !== undefined) {
    response.write(body.subarray(0, cut), () => response.socket?.end(() => response.destroy()))
  } else if (file.stallsAfter !== undefined) response.write(body.subarray(0, file.stallsAfter))
  else response.end(body)
}

function startOf(file: PublishedFile, request: IncomingMessage): number | undefined {
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
  const condition = request.headersDistinct['if-range']?.[0]
  if (start === undefined || file.ignoresRange === true) return undefined
  if (condition !== undefined && condition !== file.etag && condition !== file.lastModified) return undefined
  return Number(start)
}

async function stop(server: Server, sockets: Iterable<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  for (const socket of sockets) socket.destroy()
  await closed
}
