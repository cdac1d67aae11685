import type { ObservedSnapshot } from '../../hypervisor/snapshots.ts'
import type { PhaseInputs } from '../../phases/phase.ts'
import type { LayerInputs } from '../layers.ts'
import type { LayerNote } from '../layers.ts'
import { writeNote } from '../note.ts'

/** Complete values for tests; each test overrides what it is about. */
export const layerInputs = (overrides: Partial<LayerInputs> = {}): LayerInputs => ({
  layout: 1,
  base: 'image:sha256:aa',
  hardware: { memory: '1024 MiB', vcpus: 2, machine: 'q35' },
  identity: 'identity-1',
  connection: 'ssh',
  login: 'debian',
  platform: undefined,
  target: undefined,
  phases: {
    dependencies: phaseInputs({ 'dependencies.yaml': 'd1' }),
    init: phaseInputs({ 'init.yaml': 'i1' }),
  },
  variables: { suite: 'bookworm' },
  environment: { LANG: 'C' },
  secrets: { TOKEN: 'env:TOKEN' },
  ...overrides,
})

/** Path → content's digest. */
export const phaseInputs = (
  files: Readonly<Record<string, string>>,
  overrides: Partial<PhaseInputs> = {},
): PhaseInputs => ({
  files: Object.entries(files).map(([path, sha256]) => ({
    path,
    sha256,
    executable: false,
    because: 'phase file',
  })),
  steps: undefined,
  notes: [],
  ...overrides,
})

export const observedSnapshot = (
  name: string,
  note: LayerNote | undefined,
  overrides: Partial<ObservedSnapshot> = {},
): ObservedSnapshot => ({
  name,
  createdAtMs: 0,
  memory: false,
  parent: undefined,
  current: false,
  note: note && writeNote(note),
  sizeBytes: undefined,
  ...overrides,
})
