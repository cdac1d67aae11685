import { calls } from './calls/index.ts'
import { errorCode, LibvirtError } from './errors.ts'
import type { CallLimits, Connection } from './connection.ts'

/** `remote_auth_type` of libvirt's protocol. */
const authType = { none: 0, sasl: 1, polkit: 2 }

/** Authenticates as the daemon asks (nothing, or polkit) and opens the hypervisor `name`. */
export async function handshake(
  connection: Connection,
  name: string,
  limits: CallLimits & { readonly readonly: boolean },
): Promise<void> {
  const started = performance.now()
  // One deadline for all three calls.
  const left = () => ({
    signal: limits.signal,
    timeoutMs: Math.max(1, Math.ceil(limits.timeoutMs - (performance.now() - started))),
  })
  const { types } = await connection.call(calls.authList, {}, limits)
  if (types.includes(authType.polkit)) await connection.call(calls.authPolkit, {}, left())
  else if (!types.includes(authType.none)) {
    throw new LibvirtError({
      kind: 'connection',
      code: errorCode.authUnavailable,
      message: `The daemon asks for authentication of a kind that is not supported (${types.map(nameOf).join(', ')})`,
    })
  }
  await connection.call(calls.connectOpen, { name, flags: limits.readonly ? 1 : 0 }, left())
}

function nameOf(type: number): string {
  return type === authType.sasl ? 'SASL' : `type ${type}`
}
