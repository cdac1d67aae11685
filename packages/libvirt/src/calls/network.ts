import { call } from '../protocol/call.ts'
import { dhcpLease, network, networkPort } from '../protocol/types.ts'
import { bool, flags, int, list, optional, text, uint, uuid } from '../xdr/schema.ts'

/** Virtual networks. */
export const networkCalls = {
  networkCreate: call(39, { network }),
  networkCreateXml: call(40, { xml: text }, { network }),
  networkDefineXml: call(41, { xml: text }, { network }),
  networkDestroy: call(42, { network }),
  networkGetXmlDesc: call(43, { network, flags }, { xml: text }),
  networkGetAutostart: call(44, { network }, { autostart: bool }),
  networkGetBridgeName: call(45, { network }, { name: text }),
  networkLookupByName: call(46, { name: text }, { network }),
  networkLookupByUuid: call(47, { uuid }, { network }),
  networkSetAutostart: call(48, { network, autostart: bool }),
  networkUndefine: call(49, { network }),
  networkIsActive: call(152, { network }, { active: bool }),
  networkIsPersistent: call(153, { network }, { persistent: bool }),
  connectListAllNetworks: call(283, { needResults: int, flags }, { networks: list(network), count: uint }),
  /**
   * Daemons before 7.2 take `command` and `section` the other way round; they answer false to
   * `connectSupportsFeature({ feature: 16 })`.
   */
  networkUpdate: call(291, { network, command: uint, section: uint, parentIndex: int, xml: text, flags }),
  networkGetDhcpLeases: call(
    341,
    { network, mac: optional(text), needResults: int, flags },
    { leases: list(dhcpLease, 65_536), count: uint },
  ),
  /** What is connected now: one for each interface of a running domain that came by this network. Since 5.5. */
  networkListAllPorts: call(
    404,
    { network, needResults: int, flags },
    { ports: list(networkPort, 16_384), count: uint },
  ),
  networkDefineXmlFlags: call(432, { xml: text, flags }, { network }),
  networkCreateXmlFlags: call(437, { xml: text, flags }, { network }),
} as const
