import { call } from '../protocol/call.ts'
import { domain, domainStats, memoryStat } from '../protocol/types.ts'
import { bool, charArray, flags, int, list, optional, text, uhyper, uint } from '../xdr/schema.ts'

/** The connection and the host. Numbers and field orders: `remote_protocol.x` of libvirt 9.0. */
export const connectCalls = {
  connectOpen: call(1, { name: optional(text), flags }),
  connectClose: call(2),
  connectGetType: call(3, {}, { type: text }),
  /** Version of the hypervisor: major * 1,000,000 + minor * 1,000 + release. */
  connectGetVersion: call(4, {}, { version: uhyper }),
  connectGetMaxVcpus: call(5, { type: optional(text) }, { max: int }),
  /** Memory in KiB; `mhz` is 0 where the processor does not tell. */
  nodeGetInfo: call(
    6,
    {},
    {
      model: charArray(32),
      memory: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    },
  ),
  connectGetCapabilities: call(7, {}, { xml: text }),
  connectGetHostname: call(59, {}, { hostname: text }),
  connectSupportsFeature: call(60, { feature: int }, { supported: bool }),
  authList: call(66, {}, { types: list(int, 20) }),
  authPolkit: call(70, {}, { complete: bool }),
  /** Bytes. */
  nodeGetFreeMemory: call(102, {}, { bytes: uhyper }),
  /**
   * Named figures in KiB (`total`, `free`, `buffers`, `cached`). `cell` -1 is the whole host. `maxStats` must be
   * their number, 4 on Linux; with 0 the answer is the number alone.
   */
  nodeGetMemoryStats: call(
    228,
    { maxStats: int, cell: int, flags },
    { stats: list(memoryStat, 1024), count: int },
  ),
  connectGetUri: call(110, {}, { uri: text }),
  connectIsSecure: call(149, {}, { secure: bool }),
  /** Version of the daemon's libvirt, in the same form as `connectGetVersion`. */
  connectGetLibVersion: call(157, {}, { version: uhyper }),
  connectGetSysinfo: call(203, { flags }, { xml: text }),
  connectListAllDomains: call(273, { needResults: int, flags }, { domains: list(domain), count: uint }),
  connectGetCpuModelNames: call(
    312,
    { arch: text, needResults: int, flags },
    { models: list(text, 8192), count: int },
  ),
  connectGetDomainCapabilities: call(
    342,
    {
      emulator: optional(text),
      arch: optional(text),
      machine: optional(text),
      virtType: optional(text),
      flags,
    },
    { xml: text },
  ),
  /** An empty `domains` means all of them. `stats` 0 means all groups. */
  connectGetAllDomainStats: call(
    344,
    { domains: list(domain), stats: uint, flags },
    { stats: list(domainStats) },
  ),
} as const
