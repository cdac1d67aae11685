/**
 * What a line of a serial console says about how far the guest has come. Pure; the samples in the test were
 * printed by real firmware, boot loaders, kernels and cloud-init.
 */
export type FindingKind =
  | 'no-boot-device'
  | 'kernel-panic'
  | 'emergency-mode'
  | 'out-of-memory'
  | 'cloud-init-stage'
  | 'cloud-init-error'
  | 'cloud-init-finished'
  | 'no-data-source'
  | 'login-prompt'

export interface Finding {
  readonly kind: FindingKind
  /** The line it was read from. */
  readonly line: string
  /** `cloud-init-finished`: the data source. `cloud-init-stage`: the stage. */
  readonly detail?: string
}

export type ConsoleClassifier = (line: string) => readonly Finding[]

interface Rule {
  readonly kind: FindingKind
  /** The named group `detail`, where there is one, becomes the finding's. */
  readonly pattern: RegExp
}

/** The sources of each phrase: SeaBIOS boot.c, edk2 BdsDxe, GRUB kern/rescue_reader.c, Linux kernel/panic.c, systemd, cloud-init. */
const rules: readonly Rule[] = [
  { kind: 'no-boot-device', pattern: /No bootable device\./ },
  { kind: 'no-boot-device', pattern: /BdsDxe: No bootable option or device was found/ },
  { kind: 'no-boot-device', pattern: /^(?:grub rescue>|Entering rescue mode\.\.\.)/ },
  { kind: 'no-boot-device', pattern: /^UEFI Interactive Shell v/ },
  { kind: 'kernel-panic', pattern: /Kernel panic - not syncing/ },
  { kind: 'emergency-mode', pattern: /You are in (?:emergency|rescue) mode/ },
  { kind: 'emergency-mode', pattern: /Entering emergency mode\. Exit the shell to continue/ },
  { kind: 'emergency-mode', pattern: /^ALERT!.*(?:Dropping to a shell|does not exist)/ },
  {
    kind: 'out-of-memory',
    pattern: /Out of memory: Kill|oom-kill:constraint=|Out of memory and no killable/,
  },
  { kind: 'cloud-init-stage', pattern: /Cloud-init v\. \S+ running '(?<detail>[^']+)' at / },
  {
    kind: 'cloud-init-finished',
    pattern: /Cloud-init v\. \S+ finished at .*?Datasource (?<detail>DataSource\w+(?: ?\[[^\]]*\])*)/,
  },
  {
    kind: 'no-data-source',
    pattern:
      /Datasource DataSourceNone|Did not find any data ?source|No instance datasource found|cloud-init\[\d+\]: .*Used fallback datasource/,
  },
  {
    kind: 'cloud-init-error',
    pattern: /cloud-init\[\d+\]: .*(?:Traceback \(most recent|\[(?:ERROR|CRITICAL)\]|\[WARNING\]: .*fail)/i,
  },
  { kind: 'cloud-init-error', pattern: /Failed to start .*cloud-(?:init|config|final)/ },
  { kind: 'login-prompt', pattern: /^\S+ login:\s*$/ },
]

/**
 * `finalMessage` is the text that the spec gave cloud-init to print at its end; its variables
 * (`$TIMESTAMP`, `{{ datasource }}`) match anything.
 */
export function consoleClassifier(finalMessage: string): ConsoleClassifier {
  const own = finalMessagePattern(finalMessage)
  const all = own === undefined ? rules : [...rules, { kind: 'cloud-init-finished' as const, pattern: own }]
  return (line) => {
    const found = new Map<FindingKind, Finding>()
    for (const { kind, pattern } of all) {
      const match = pattern.exec(line)
      if (match === null || found.has(kind)) continue
      const detail = match.groups?.['detail']
      found.set(kind, detail === undefined ? { kind, line } : { kind, line, detail })
    }
    return [...found.values()]
  }
}

/** Fewer literal characters than this would match lines that mean something else. */
const enoughLiteral = 8

function finalMessagePattern(message: string): RegExp | undefined {
  const line = message.split('\n').find((each) => each.trim() !== '')
  const literals = (line ?? '').trim().split(/\$\{?\w+\}?|\{\{.*?\}\}/)
  if (literals.join('').trim().length < enoughLiteral) return undefined
  return new RegExp(literals.map(escaped).join('.*'))
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
