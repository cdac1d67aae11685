export { calls } from './calls/index.ts'
export { errorCode, isLibvirtError, LibvirtError } from './errors.ts'
export type { LibvirtErrorInfo, LibvirtErrorKind } from './errors.ts'
export { events } from './events.ts'
export type { EventKind } from './events.ts'
export { fileChunks } from './file-chunks.ts'
export { openLibvirt } from './libvirt.ts'
export type { Libvirt } from './libvirt.ts'
export type { CallOptions, OpenOptions, StreamOptions, SubscribeOptions, UploadOptions } from './options.ts'
export type { ArgsOf, Call, StreamUse } from './protocol/call.ts'
export type {
  DhcpLease,
  Domain,
  DomainInterface,
  DomainSnapshot,
  DomainStats,
  Network,
  StoragePool,
  StorageVolume,
  TypedParameter,
  TypedValue,
} from './protocol/types.ts'
export type { KeepaliveOptions } from './keepalive.ts'
export type { Unsubscribe } from './subscriptions.ts'
export type { LibvirtStream } from './transfer.ts'
export type { Channel, Dial } from './transport/channel.ts'
export { sshCommand } from './transport/ssh.ts'
export type { SshRoute } from './transport/ssh.ts'
export { parseUri } from './transport/uri.ts'
