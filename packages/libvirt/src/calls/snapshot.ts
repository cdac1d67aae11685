import { call } from '../protocol/call.ts'
import { domain, snapshot } from '../protocol/types.ts'
import { bool, flags, int, list, text } from '../xdr/schema.ts'

/** Snapshots of domains. */
export const snapshotCalls = {
  domainSnapshotCreateXml: call(185, { domain, xml: text, flags }, { snapshot }),
  domainSnapshotGetXmlDesc: call(186, { snapshot, flags }, { xml: text }),
  domainSnapshotNum: call(187, { domain, flags }, { count: int }),
  domainSnapshotListNames: call(188, { domain, maxNames: int, flags }, { names: list(text) }),
  domainSnapshotLookupByName: call(189, { domain, name: text, flags }, { snapshot }),
  domainHasCurrentSnapshot: call(190, { domain, flags }, { result: bool }),
  domainSnapshotCurrent: call(191, { domain, flags }, { snapshot }),
  domainRevertToSnapshot: call(192, { snapshot, flags }),
  domainSnapshotDelete: call(193, { snapshot, flags }),
  domainSnapshotGetParent: call(244, { snapshot, flags }, { snapshot }),
  domainSnapshotIsCurrent: call(271, { snapshot, flags }, { current: bool }),
  domainSnapshotHasMetadata: call(272, { snapshot, flags }, { metadata: bool }),
  domainListAllSnapshots: call(
    274,
    { domain, needResults: int, flags },
    { snapshots: list(snapshot), count: int },
  ),
  domainSnapshotListAllChildren: call(
    275,
    { snapshot, needResults: int, flags },
    { snapshots: list(snapshot), count: int },
  ),
} as const
