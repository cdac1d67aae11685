import type { ErrorCode } from '@vmwright/contract'
import { errorCode, type LibvirtError } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { HostSpec } from '../../spec/resolved.ts'

/** What was being done, to complete the sentence "Could not …": `start machine web-1`. */
export interface Doing {
  readonly host: string
  readonly doing: string
}

/** libvirt's error numbers that mean one of our errors wherever they come from; all others are `host.operation-failed`. */
const codes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [errorCode.noStoragePool, 'pool.not-found'],
  [errorCode.noNetwork, 'network.not-found'],
  [errorCode.storageVolumeExists, 'disk.conflict'],
  [errorCode.noDomainSnapshot, 'snapshot.not-found'],
  [errorCode.operationTimeout, 'host.timeout'],
  [errorCode.agentUnresponsive, 'guest.agent-silent'],
  [errorCode.agentUnsynced, 'guest.agent-silent'],
  [errorCode.noConnect, 'host.unreachable'],
  [errorCode.authFailed, 'host.unreachable'],
  [errorCode.authCancelled, 'host.unreachable'],
  [errorCode.authUnavailable, 'host.unreachable'],
])

const retryableCodes: readonly number[] = [errorCode.operationTimeout, errorCode.resourceBusy]

/** Our error for one of libvirt's, decided by its kind and number. libvirt's own words end the message. */
export function toProvisionError(error: LibvirtError, { host, doing }: Doing): ProvisionError {
  const code = codeOf(error)
  return new ProvisionError(code, {
    message: `Could not ${doing} on host ${host}: ${error.message.trim()}`,
    details: {
      host,
      ...(error.procedure === undefined ? {} : { procedure: error.procedure }),
      ...(error.code === undefined ? {} : { libvirtCode: error.code, libvirtDomain: error.domain }),
    },
    retryable: error.kind !== 'libvirt' || retryableCodes.includes(error.code ?? 0),
    cause: error,
  })
}

function codeOf(error: LibvirtError): ErrorCode {
  switch (error.kind) {
    case 'libvirt':
      return codes.get(error.code ?? 0) ?? 'host.operation-failed'
    case 'timeout':
      return 'host.timeout'
    case 'connection':
    case 'cancelled':
      return 'host.connection-lost'
    case 'protocol':
      return 'host.operation-failed'
  }
}

/** For a connection that could not be opened, whatever the reason. */
export function unreachable(
  error: LibvirtError,
  host: Pick<HostSpec, 'name' | 'uri' | 'guest'>,
): ProvisionError {
  return new ProvisionError('host.unreachable', {
    message: `Could not connect to host ${host.name} (${host.uri}): ${error.message}`,
    ...(host.guest !== undefined && {
      hint: `It is the guest ${host.guest}, which \`vmwright run\` brings up with what is inside of it. Name the instances of other hosts to work on these alone.`,
    }),
    details: { host: host.name, uri: host.uri },
    retryable: true,
    cause: error,
  })
}
