import { call, streamCall } from '../protocol/call.ts'
import { pool, vol } from '../protocol/types.ts'
import { bool, flags, int, list, optional, text, uhyper, uint, uuid } from '../xdr/schema.ts'

/** Storage pools and volumes. Sizes in bytes. */
export const storageCalls = {
  /** What the host has that a pool of that type could be made of, as `<sources>`. */
  connectFindStoragePoolSources: call(75, { type: text, sourceSpec: optional(text), flags }, { xml: text }),
  storagePoolCreateXml: call(76, { xml: text, flags }, { pool }),
  storagePoolDefineXml: call(77, { xml: text, flags }, { pool }),
  storagePoolCreate: call(78, { pool, flags }),
  storagePoolBuild: call(79, { pool, flags }),
  storagePoolDestroy: call(80, { pool }),
  storagePoolDelete: call(81, { pool, flags }),
  storagePoolUndefine: call(82, { pool }),
  storagePoolRefresh: call(83, { pool, flags }),
  storagePoolLookupByName: call(84, { name: text }, { pool }),
  storagePoolLookupByUuid: call(85, { uuid }, { pool }),
  storagePoolLookupByVolume: call(86, { vol }, { pool }),
  storagePoolGetInfo: call(
    87,
    { pool },
    { state: int, capacity: uhyper, allocation: uhyper, available: uhyper },
  ),
  storagePoolGetXmlDesc: call(88, { pool, flags }, { xml: text }),
  storagePoolGetAutostart: call(89, { pool }, { autostart: bool }),
  storagePoolSetAutostart: call(90, { pool, autostart: bool }),
  storagePoolIsActive: call(154, { pool }, { active: bool }),
  storagePoolIsPersistent: call(155, { pool }, { persistent: bool }),
  connectListAllStoragePools: call(281, { needResults: int, flags }, { pools: list(pool), count: uint }),
  storagePoolListAllVolumes: call(282, { pool, needResults: int, flags }, { vols: list(vol), count: uint }),
  storagePoolLookupByTargetPath: call(391, { path: text }, { pool }),

  storageVolCreateXml: call(93, { pool, xml: text, flags }, { vol }),
  storageVolDelete: call(94, { vol, flags }),
  storageVolLookupByName: call(95, { pool, name: text }, { vol }),
  storageVolLookupByKey: call(96, { key: text }, { vol }),
  storageVolLookupByPath: call(97, { path: text }, { vol }),
  storageVolGetInfo: call(98, { vol }, { type: int, capacity: uhyper, allocation: uhyper }),
  storageVolGetXmlDesc: call(99, { vol, flags }, { xml: text }),
  storageVolGetPath: call(100, { vol }, { path: text }),
  storageVolCreateXmlFrom: call(125, { pool, xml: text, source: vol, flags }, { vol }),
  storageVolWipe: call(165, { vol, flags }),
  /** `length` 0 means until the end of the data. */
  storageVolUpload: streamCall(208, 'upload', { vol, offset: uhyper, length: uhyper, flags }),
  storageVolDownload: streamCall(209, 'download', { vol, offset: uhyper, length: uhyper, flags }),
  storageVolResize: call(260, { vol, capacity: uhyper, flags }),
} as const
