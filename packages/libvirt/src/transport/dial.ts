import type { Dial } from './channel.ts'
import { sshDialer } from './ssh.ts'
import { tlsDialer } from './tls.ts'
import { unixDialer } from './unix.ts'
import type { Target } from './uri.ts'

/** How to reach a target. A socket path of the caller's goes before the URI's transport. */
export function dialer(target: Target, options: { socketPath: string | undefined; readonly: boolean }): Dial {
  const { route, driver, name } = target
  const path = name.slice(`${driver}://`.length)
  const { socketPath, readonly } = options
  if (socketPath !== undefined) return unixDialer({ driver, path, socket: socketPath, readonly })
  switch (route.kind) {
    case 'unix':
      return unixDialer({ driver, path, socket: route.socket, readonly })
    case 'ssh':
      return sshDialer({ route, name, driver, path, readonly })
    case 'tls':
      return tlsDialer(route)
  }
}
