import { LibvirtError } from '../errors.ts'
import type { Dial } from './channel.ts'
import { unixDialer } from './unix.ts'
import type { Target } from './uri.ts'

/** How to reach a target. */
export function dialer(target: Target, options: { socketPath: string | undefined; readonly: boolean }): Dial {
  const { route, driver } = target
  const path = target.name.slice(`${driver}://`.length)
  if (route.kind === 'unix' || options.socketPath !== undefined) {
    const socket = options.socketPath ?? (route.kind === 'unix' ? route.socket : undefined)
    return unixDialer({ driver, path, socket, readonly: options.readonly })
  }
  throw new LibvirtError({ kind: 'connection', message: `${route.kind} is not available yet` })
}
