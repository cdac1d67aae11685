import type { Notes } from './notes.ts'
import type { Recognition } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import type { SpecDraft } from './draft.ts'

/** What reads the files of one replaced system. Pure: the files are read already. */
export interface Importer {
  /** As given to `--from`. */
  readonly id: string
  /** What people call the system, for messages: `template clones on KVM`. */
  readonly title: string
  /** The page in `docs/coming-from/`, without `.md`. */
  readonly page: string
  /** Every setting that it knows: the tables of the page are this. */
  readonly settings: readonly Setting[]
  /** Why these files are of this system; `undefined`: nothing speaks for it. */
  recognise(source: SourceFiles): Recognition | undefined
  /** Throws `import.invalid` when there is nothing to make a spec of. */
  convert(source: SourceFiles, notes: Notes): SpecDraft
}

/** One setting of the old system. */
export interface Setting {
  /** `kvm_snapshot_name`, `instance.vcpu_count` */
  readonly name: string
  /** The field of the spec, as in `instances.*.vcpus`; `undefined`: there is none. */
  readonly to: string | undefined
  /** What becomes of it; for settings without a field: what is there instead, or why nothing is needed. */
  readonly note?: string
}
