import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { messageOf, ProvisionError, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { formatDuration } from '../lib/units.ts'
import { readBody } from './http-body.ts'
import { checkRedirect, checkUrl, shownUrl } from './url.ts'

export interface HttpTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Hosts for which plain http is allowed; loopback always is. */
  readonly httpHosts: readonly string[]
}

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: AsyncIterable<Uint8Array>
}

const maxRedirects = 5
/** A server that sends nothing for this long is given up. */
const idleLimitMs = 30_000
const watchEveryMs = 5_000

/**
 * GETs `target` and hands the response to `consume` before its body is read; what `consume` leaves is thrown away.
 * Follows up to five redirects, never from https to http. Proxies are those of the environment (`https_proxy`,
 * `no_proxy`), on Node versions that support them.
 *
 * Throws `image.unreachable` when no server answered, `image.download-failed` (retryable) when the connection broke
 * or was silent for 30 s, `image.download-failed` when the URL or a redirect is not acceptable or TLS does not verify,
 * `wait.timeout` at the deadline. The status is the caller's affair.
 */
export function httpGet<T>(
  progress: Progress,
  target: HttpTarget,
  consume: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  return progress.seam.effect(
    { kind: 'http.get', object: shownUrl(target.url), mutates: false },
    async () => {
      const watch = watchConnection(progress, target.url)
      let message: IncomingMessage | undefined
      try {
        message = await follow(target, watch.signal).catch((error: unknown) => {
          progress.check()
          throw asFailure(watch.signal.reason ?? error, target.url, 'no answer')
        })
        watch.touch()
        return await consume({
          status: message.statusCode ?? 0,
          headers: message.headers,
          body: bodyOf(progress, readBody(message), watch, target.url),
        })
      } finally {
        message?.destroy()
        watch.stop()
      }
    },
  )
}

async function follow(target: HttpTarget, signal: AbortSignal): Promise<IncomingMessage> {
  let url = checkUrl(target.url, target.httpHosts)
  for (let redirects = 0; ; redirects++) {
    const message = await getOnce(url, target.headers, signal)
    const location = message.headers.location
    if (![301, 302, 303, 307, 308].includes(message.statusCode ?? 0) || location === undefined) return message
    message.destroy()
    if (redirects === maxRedirects) {
      throw new ProvisionError('image.download-failed', {
        message: `${shownUrl(target.url)} was redirected more than ${maxRedirects} times.`,
      })
    }
    url = checkRedirect(url, location, target.httpHosts)
  }
}

async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // Loaded at the first download: Node's HTTP client takes a tenth of the start of a command, and most need none.
  const { Agent, request: makeRequest } =
    url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const options = { headers: { 'user-agent': 'vmwright', 'accept-encoding': 'identity', ...headers }, signal }
  return new Promise((resolve, reject) => {
    const request = makeRequest(url, { ...options, agent: new Agent({ proxyEnv: process.env }) }, resolve)
    request.on('error', reject)
    request.end()
  })
}

/** Only failures of the connection are translated here; those of the consumer never come by. */
async function* bodyOf(
  progress: Progress,
  chunks: AsyncIterable<Uint8Array>,
  watch: Watch,
  url: string,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      watch.touch()
      yield chunk
    }
  } catch (error) {
    progress.check()
    throw asFailure(watch.signal.reason ?? error, url, 'answered')
  }
}

interface Watch {
  readonly signal: AbortSignal
  /** Something came. */
  readonly touch: () => void
  readonly stop: () => void
}

/** Aborts its signal on cancellation, at the deadline, and when nothing was touched for too long. */
function watchConnection(progress: Progress, url: string): Watch {
  const { seam } = progress
  const end = new AbortController()
  const ended = new AbortController()
  let touchedMs = seam.monotonicMs()
  const watch = async (): Promise<void> => {
    for (;;) {
      await progress.child({ signal: ended.signal }).sleep(watchEveryMs)
      const silentMs = seam.monotonicMs() - touchedMs
      if (progress.remainingMs === 0) {
        throw new ProvisionError('wait.timeout', { message: `Timed out fetching ${shownUrl(url)}.` })
      }
      if (silentMs < idleLimitMs) continue
      throw new Error(`it sent nothing for ${formatDuration(silentMs)}`)
    }
  }
  watch().catch((error: unknown) => end.abort(error))
  return {
    signal: end.signal,
    touch: () => {
      touchedMs = seam.monotonicMs()
    },
    stop: () => ended.abort(new Error('the connection is done')),
  }
}

/**
 * Ours pass. Before any answer the publisher is unreachable, unless TLS found somebody there who cannot prove who
 * they are.
 */
function asFailure(error: unknown, url: string, phase: 'no answer' | 'answered'): unknown {
  if (error instanceof ProvisionError) return error
  const code = systemCode(error)
  const isTls = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/.test(code ?? '')
  if (phase === 'answered' || isTls) {
    return new ProvisionError('image.download-failed', {
      message: `${shownUrl(url)} could not be fetched: ${messageOf(error)}.`,
      details: { url: shownUrl(url), code },
      retryable: !isTls,
      cause: error,
    })
  }
  return new ProvisionError('image.unreachable', {
    message: `${new URL(url).host} could not be reached: ${reasonOf(error)}.`,
    details: { url: shownUrl(url), code },
    retryable: true,
    cause: error,
  })
}

/** Node tells a failure to connect to each of several addresses as one error without a message. */
const reasonOf = (error: unknown): string =>
  error instanceof AggregateError && error.message === ''
    ? error.errors.map((one) => messageOf(one)).join(', ')
    : messageOf(error)
