import type { InterfaceSpec } from '../spec/resolved.ts'

/** An interface as the guest will see it. */
export interface GuestInterface {
  /** `undefined`: not known, and then it is found by its MAC. */
  readonly name: string | undefined
  readonly nic: InterfaceSpec
  /** The first with an address: a boot waits for it, and for no other. */
  readonly isAwaited: boolean
}

/** For formats in which blanks end a value, and nothing quotes what would mean something else. */
export const words = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => text.split(/[\s\p{Cc}#;\\]+/u)).filter((word) => word !== '')
