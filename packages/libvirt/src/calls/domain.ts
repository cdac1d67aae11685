import { call, qemuCall, streamCall } from '../protocol/call.ts'
import { domain, domainInterface, domainMemoryStat, typedParameters } from '../protocol/types.ts'
import { bool, flags, hyper, int, list, optional, text, uhyper, uint, uuid } from '../xdr/schema.ts'

/** Domains. Memory is in KiB throughout, as in libvirt. */
export const domainCalls = {
  domainCreate: call(9, { domain }),
  domainCreateXml: call(10, { xml: text, flags }, { domain }),
  domainGetXmlDesc: call(14, { domain, flags }, { xml: text }),
  domainGetAutostart: call(15, { domain }, { autostart: bool }),
  domainGetInfo: call(
    16,
    { domain },
    { state: int, maxMemory: uhyper, memory: uhyper, vcpus: int, cpuTime: uhyper },
  ),
  domainGetMaxMemory: call(17, { domain }, { memory: uhyper }),
  domainLookupById: call(22, { id: int }, { domain }),
  domainLookupByName: call(23, { name: text }, { domain }),
  domainLookupByUuid: call(24, { uuid }, { domain }),
  domainReboot: call(27, { domain, flags }),
  domainResume: call(28, { domain }),
  domainSetAutostart: call(29, { domain, autostart: bool }),
  domainSuspend: call(34, { domain }),
  domainIsActive: call(150, { domain }, { active: bool }),
  domainIsPersistent: call(151, { domain }, { persistent: bool }),
  domainAttachDeviceFlags: call(160, { domain, xml: text, flags }),
  domainDetachDeviceFlags: call(161, { domain, xml: text, flags }),
  domainUpdateDeviceFlags: call(174, { domain, xml: text, flags }),
  /** `tag` is a `virDomainMemoryStatTags`; sizes are in KiB. */
  domainMemoryStats: call(159, { domain, maxStats: uint, flags }, { stats: list(domainMemoryStat, 1024) }),
  domainManagedSave: call(182, { domain, flags }),
  domainHasManagedSaveImage: call(183, { domain, flags }, { result: bool }),
  domainManagedSaveRemove: call(184, { domain, flags }),
  /** Bytes. */
  domainGetBlockInfo: call(
    194,
    { domain, path: text, flags },
    { allocation: uhyper, capacity: uhyper, physical: uhyper },
  ),
  /** As `domainCreate`; the result has the new `id`. */
  domainCreateWithFlags: call(196, { domain, flags }, { domain }),
  domainSetVcpusFlags: call(199, { domain, vcpus: uint, flags }),
  domainGetVcpusFlags: call(200, { domain, flags }, { vcpus: int }),
  domainOpenConsole: streamCall(201, 'both', { domain, devname: optional(text), flags }),
  domainSetMemoryFlags: call(204, { domain, memory: uhyper, flags }),
  domainInjectNmi: call(210, { domain, flags }),
  /** The image arrives on the stream, in the format that `mime` tells. */
  domainScreenshot: streamCall(211, 'download', { domain, screen: uint, flags }, { mime: optional(text) }),
  domainGetState: call(212, { domain, flags }, { state: int, reason: int }),
  domainSendKey: call(226, { domain, codeset: uint, holdTime: uint, keycodes: list(uint, 16), flags }),
  domainGetControlInfo: call(229, { domain, flags }, { state: uint, details: uint, stateTime: uhyper }),
  domainUndefineFlags: call(231, { domain, flags }),
  /** `to`: a file on the host, in libvirt's format for saved machines. */
  domainSaveFlags: call(232, { domain, to: text, dxml: optional(text), flags }),
  domainRestoreFlags: call(233, { from: text, dxml: optional(text), flags }),
  domainDestroyFlags: call(234, { domain, flags }),
  domainBlockJobAbort: call(237, { domain, path: text, flags }),
  domainGetBlockJobInfo: call(
    238,
    { domain, path: text, flags },
    { found: bool, type: int, bandwidth: uhyper, current: uhyper, end: uhyper },
  ),
  domainReset: call(245, { domain, flags }),
  /** `size` in KiB, or in bytes with flag 1. */
  domainBlockResize: call(251, { domain, disk: text, size: uhyper, flags }),
  domainShutdownFlags: call(258, { domain, flags }),
  domainSetMetadata: call(264, {
    domain,
    type: int,
    metadata: optional(text),
    key: optional(text),
    uri: optional(text),
    flags,
  }),
  domainGetMetadata: call(265, { domain, type: int, uri: optional(text), flags }, { metadata: text }),
  domainGetHostname: call(277, { domain, flags }, { hostname: text }),
  domainBlockCommit: call(290, {
    domain,
    disk: text,
    base: optional(text),
    top: optional(text),
    bandwidth: uhyper,
    flags,
  }),
  domainOpenChannel: streamCall(296, 'both', { domain, name: optional(text), flags }),
  domainFsfreeze: call(335, { domain, mountpoints: list(text, 256), flags }, { frozen: int }),
  domainFsthaw: call(336, { domain, mountpoints: list(text, 256), flags }, { thawed: int }),
  domainGetTime: call(337, { domain, flags }, { seconds: hyper, nanoseconds: uint }),
  domainSetTime: call(338, { domain, seconds: hyper, nanoseconds: uint, flags }),
  domainDefineXmlFlags: call(350, { xml: text, flags }, { domain }),
  /** `source`: 0 DHCP leases of libvirt's networks, 1 guest agent, 2 the host's ARP table. */
  domainInterfaceAddresses: call(
    353,
    { domain, source: uint, flags },
    { interfaces: list(domainInterface, 2048) },
  ),
  domainSetUserPassword: call(357, { domain, user: optional(text), password: optional(text), flags }),
  domainRename: call(358, { domain, newName: optional(text), flags }, { result: int }),
  domainGetGuestInfo: call(418, { domain, types: uint, flags }, { params: typedParameters }),
  domainAgentSetResponseTimeout: call(420, { domain, timeout: int, flags }, { result: int }),

  /**
   * One command (JSON) to the guest agent. `timeout` in seconds, -2 waits for ever, -1 takes libvirt's default.
   * Libvirt marks the domain as tainted (`custom-ga-command`), in its log only.
   */
  domainAgentCommand: qemuCall(3, { domain, command: text, timeout: int, flags }, { result: optional(text) }),
  /** One QMP command (JSON) to QEMU itself. Marks the domain as tainted. */
  domainMonitorCommand: qemuCall(1, { domain, command: text, flags }, { result: text }),
} as const
