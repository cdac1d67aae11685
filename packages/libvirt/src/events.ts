import { call, named, type Call } from './protocol/call.ts'
import { domain, network, pool, typedParameters } from './protocol/types.ts'
import {
  hyper,
  int,
  optional,
  struct,
  text,
  uhyper,
  uint,
  type Codec,
  type Fields,
  type StructOf,
} from './xdr/schema.ts'

/** What can be subscribed to, as data: which registration it needs and the shape of its message. */
export interface EventKind<Message> {
  readonly name: string
  /** Which registration calls it goes through. */
  readonly source: EventSource
  /** libvirt's number of the event within its source. */
  readonly id: number
  readonly procedure: number
  readonly message: Codec<Message & { readonly callbackId: number }>
}

export type EventSource = 'domain' | 'network' | 'pool'

function domainEvent<const F extends Fields>(id: number, procedure: number, fields: F) {
  return event('domain', id, procedure, { domain, ...fields })
}

function event<const F extends Fields>(source: EventSource, id: number, procedure: number, fields: F) {
  // The intersection is what the struct of the joined fields is; TypeScript does not see through the generic.
  const message = struct({ callbackId: int, ...fields }) as Codec<
    StructOf<F> & { readonly callbackId: number }
  >
  return { name: '', source, id, procedure, message } satisfies EventKind<StructOf<F>>
}

const generic = {}

/**
 * The events. Procedures are those that carry a callback id (libvirt 1.2.1 and later), so that the daemon filters
 * by domain. The meaning of numbers in `event`, `detail`, `reason`, `status` is in libvirt's `libvirt-domain.h`.
 */
export const events = named({
  /** `event`: 0 defined, 1 undefined, 2 started, 3 suspended, 4 resumed, 5 stopped, 6 shutdown, 7 PM-suspended, 8 crashed. */
  domainLifecycle: domainEvent(0, 318, { event: int, detail: int }),
  domainReboot: domainEvent(1, 319, generic),
  domainRtcChange: domainEvent(2, 320, { offset: hyper }),
  domainWatchdog: domainEvent(3, 321, { action: int }),
  domainIoError: domainEvent(4, 322, { path: text, device: text, action: int }),
  domainIoErrorReason: domainEvent(6, 324, { path: text, device: text, action: int, reason: text }),
  domainControlError: domainEvent(7, 325, generic),
  /** `path` is the disk's source; `domainBlockJob2` tells its target name instead. */
  domainBlockJob: domainEvent(8, 326, { path: text, type: int, status: int }),
  domainDiskChange: domainEvent(9, 327, {
    oldPath: optional(text),
    newPath: optional(text),
    device: text,
    reason: int,
  }),
  domainTrayChange: domainEvent(10, 328, { device: text, reason: int }),
  domainPmWakeup: event('domain', 11, 329, { reason: int, domain }),
  domainPmSuspend: event('domain', 12, 330, { reason: int, domain }),
  domainBalloonChange: domainEvent(13, 331, { memory: uhyper }),
  domainPmSuspendDisk: event('domain', 14, 332, { reason: int, domain }),
  domainDeviceRemoved: domainEvent(15, 333, { device: text }),
  domainBlockJob2: domainEvent(16, 339, { disk: text, type: int, status: int }),
  domainTunable: domainEvent(17, 346, { params: typedParameters }),
  /** `state`: 1 connected, 2 disconnected. */
  domainAgentLifecycle: domainEvent(18, 348, { state: int, reason: int }),
  domainDeviceAdded: domainEvent(19, 354, { device: text }),
  domainJobCompleted: domainEvent(21, 363, { params: typedParameters }),
  domainDeviceRemovalFailed: domainEvent(22, 367, { device: text }),
  domainMetadataChange: domainEvent(23, 379, { type: int, uri: optional(text) }),
  domainBlockThreshold: domainEvent(24, 385, {
    device: text,
    path: optional(text),
    threshold: uhyper,
    excess: uhyper,
  }),
  domainMemoryFailure: domainEvent(25, 423, { recipient: int, action: int, flags: uint }),
  /** `event`: 0 defined, 1 undefined, 2 started, 3 stopped. */
  networkLifecycle: event('network', 0, 315, { network, event: int, detail: int }),
  /** `event`: 0 defined, 1 undefined, 2 started, 3 stopped, 4 created, 5 deleted. */
  storagePoolLifecycle: event('pool', 0, 370, { pool, event: int, detail: int }),
  storagePoolRefresh: event('pool', 1, 373, { pool }),
})

type Register = Call<{ readonly id: number; readonly object: unknown }, { readonly callbackId: number }>

/** How a source is subscribed to and unsubscribed from. */
export const registrations: Readonly<
  Record<
    EventSource,
    { readonly register: Register; readonly deregister: Call<{ readonly callbackId: number }, object> }
  >
> = {
  domain: {
    register: {
      ...call(316, { id: int, object: optional(domain) }, { callbackId: int }),
      name: 'domainEventRegister',
    },
    deregister: { ...call(317, { callbackId: int }), name: 'domainEventDeregister' },
  },
  network: {
    register: {
      ...call(313, { id: int, object: optional(network) }, { callbackId: int }),
      name: 'networkEventRegister',
    },
    deregister: { ...call(314, { callbackId: int }), name: 'networkEventDeregister' },
  },
  pool: {
    register: {
      ...call(368, { id: int, object: optional(pool) }, { callbackId: int }),
      name: 'storagePoolEventRegister',
    },
    deregister: { ...call(369, { callbackId: int }), name: 'storagePoolEventDeregister' },
  },
}
