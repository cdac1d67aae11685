import { LibvirtError } from '../errors.ts'

/** Where a URI leads. */
export interface Target {
  /** What the daemon is asked to open: the URI without transport, host and query. */
  readonly name: string
  readonly driver: string
  readonly route: Route
}

export type Route =
  | { readonly kind: 'unix'; readonly socket: string | undefined }
  | {
      readonly kind: 'ssh'
      readonly host: string
      readonly port: number | undefined
      readonly user: string | undefined
      readonly socket: string | undefined
      readonly keyFile: string | undefined
      readonly knownHosts: string | undefined
      readonly proxy: 'auto' | 'native' | 'netcat'
      /** Hosts in between, as `ssh -J` takes them: `user@host:port`, with commas. */
      readonly jump: string | undefined
    }
  | {
      readonly kind: 'tls'
      readonly host: string
      readonly port: number
      readonly pkiPath: string | undefined
    }

/** Query keys that each transport takes. Everything else is refused: a URI may come from a spec that others wrote. */
const allowed: Readonly<Record<Route['kind'], readonly string[]>> = {
  unix: ['socket'],
  ssh: ['socket', 'keyfile', 'known_hosts', 'proxy', 'jump', 'no_tty'],
  tls: ['pkipath'],
}

/** Keys that libvirt knows and this package refuses, with the reason. */
const refused: Readonly<Record<string, string>> = {
  command: 'it would run a program of the URI’s choosing',
  netcat: 'it would run a program of the URI’s choosing on the host',
  no_verify: 'it would accept any server',
  known_hosts_verify: 'it would accept any host key',
  sshauth: 'authentication is configured in ~/.ssh/config',
  sshconfig: 'it would run programs of the URI’s choosing',
  tls_priority: 'it would permit weak ciphers',
  auto_start: 'the daemon of a session is started when it is absent',
  mode: 'both kinds of daemon are tried',
  authfile: 'SASL is not supported',
}

const tlsPort = 16_514

/** Reads a libvirt URI. Throws a `LibvirtError` of kind `connection` that names the part that is wrong. */
export function parseUri(uri: string): Target {
  const url = URL.canParse(uri) ? new URL(uri) : refuse(uri, 'it is not a URI')
  const [driver = '', transport = url.host === '' ? 'unix' : 'tls'] = url.protocol.slice(0, -1).split('+')
  if (!/^[a-z]+$/.test(driver)) refuse(uri, 'it does not begin with a driver, such as qemu')
  if (url.password !== '' || url.hash !== '') refuse(uri, 'a password or a fragment has no place in it')
  if (!/^\/[\w./-]*$/.test(url.pathname)) refuse(uri, 'its path has characters that are not allowed')
  if (driver === 'qemu' && url.pathname !== '/system' && url.pathname !== '/session') {
    refuse(uri, 'the path of a qemu URI is /system or /session')
  }
  const name = `${driver}://${url.pathname}`
  switch (transport) {
    case 'unix':
      if (url.host !== '') refuse(uri, 'a UNIX socket is on this machine; leave the host out')
      return { name, driver, route: { kind: 'unix', socket: query(uri, url, 'unix').path('socket') } }
    case 'ssh':
      return { name, driver, route: sshRoute(uri, url) }
    case 'tls':
      return { name, driver, route: tlsRoute(uri, url) }
    default:
      return refuse(uri, `the transport ${transport} is not supported (unix, ssh, tls)`)
  }
}

function sshRoute(uri: string, url: URL): Route {
  const values = query(uri, url, 'ssh')
  const user = url.username === '' ? undefined : decodeURIComponent(url.username)
  if (user !== undefined && !/^[A-Za-z0-9_][\w.@\\-]*$/.test(user))
    refuse(uri, 'its user name is not allowed')
  const proxy = values.text('proxy') ?? 'auto'
  if (proxy !== 'auto' && proxy !== 'native' && proxy !== 'netcat')
    refuse(uri, 'proxy is auto, native or netcat')
  const jump = values.text('jump')
  if (jump !== undefined && !jump.split(',').every((hop) => hopForm.test(hop)))
    refuse(uri, 'jump is user@host:port, several with commas between them')
  return {
    kind: 'ssh',
    host: hostOf(uri, url),
    port: url.port === '' ? undefined : Number(url.port),
    user,
    socket: values.path('socket'),
    keyFile: values.path('keyfile'),
    knownHosts: values.path('known_hosts'),
    proxy,
    jump,
  }
}

/** As strict as the parts of the URI itself: it reaches ssh's command line. */
const hopForm = /^(?:[A-Za-z0-9_][\w.\\-]*@)?(?:[A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/

function tlsRoute(uri: string, url: URL): Route {
  const port = url.port === '' ? tlsPort : Number(url.port)
  return { kind: 'tls', host: hostOf(uri, url), port, pkiPath: query(uri, url, 'tls').path('pkipath') }
}

/** Host names reach ssh's command line: nothing that could be taken for an option or for more than a name. */
function hostOf(uri: string, url: URL): string {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '') refuse(uri, 'it has no host')
  if (!/^[A-Za-z0-9_:][\w.:%-]*$/.test(host)) refuse(uri, 'its host name is not allowed')
  return host
}

function query(uri: string, url: URL, kind: Route['kind']) {
  for (const key of url.searchParams.keys()) {
    const reason = refused[key]
    if (reason !== undefined) refuse(uri, `the parameter ${key} is refused: ${reason}`)
    if (!allowed[kind].includes(key))
      refuse(uri, `the parameter ${key} is not known; ${kind} takes ${allowed[kind].join(', ')}`)
  }
  const text = (key: string) => url.searchParams.get(key) ?? undefined
  const path = (key: string) => {
    const value = text(key)
    if (value !== undefined && !/^\/[\w./+@:,-]*$/.test(value))
      refuse(uri, `${key} is an absolute path without special characters`)
    return value
  }
  return { text, path }
}

function refuse(uri: string, reason: string): never {
  const shown = JSON.stringify(uri.replace(/(\/\/[^/:@]*):.*@/, '$1:***@'))
  throw new LibvirtError({ kind: 'connection', message: `Cannot connect to ${shown}: ${reason}` })
}
