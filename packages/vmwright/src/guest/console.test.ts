import { describe, expect, it } from 'vitest'
import { ConsoleTail, LineSplitter } from './console-lines.ts'
import { type FindingKind, consoleClassifier } from './console.ts'

const kinds = (text: string, finalMessage = ''): readonly FindingKind[] => {
  const splitter = new LineSplitter()
  const lines = [...splitter.push(Buffer.from(text)), splitter.partial]
  return lines.flatMap(consoleClassifier(finalMessage)).map((finding) => finding.kind)
}

/** Printed by SeaBIOS 1.16.2, OVMF 2022.11, Linux 6.1, systemd 252 and cloud-init 22.4.2 on QEMU's serial port. */
const samples: readonly (readonly [string, string, readonly FindingKind[]])[] = [
  [
    'SeaBIOS trying one device after the other',
    'Booting from Hard Disk...\r\nBoot failed: not a bootable disk\r\n\nBooting from Floppy...\r\n',
    [],
  ],
  [
    'SeaBIOS giving up',
    'Boot failed: could not read the boot disk\r\n\nNo bootable device.\r\n',
    ['no-boot-device'],
  ],
  [
    'OVMF trying the next entry',
    '\x1b[2J\x1b[01;01H\x1b[=3h\x1b[2J\x1b[01;01HBdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x1,0x0): Not Found\r\n',
    [],
  ],
  [
    'OVMF ending in its shell',
    '\x1b[2J\x1b[01;01H\x1b[01;01HUEFI Interactive Shell v2.2\r\nEDK II\r\n',
    ['no-boot-device'],
  ],
  ['OVMF without a shell', 'BdsDxe: No bootable option or device was found.\r\n', ['no-boot-device']],
  [
    'GRUB without its files',
    'error: no such device: 1a2b.\r\nEntering rescue mode...\r\ngrub rescue> ',
    ['no-boot-device', 'no-boot-device'],
  ],
  [
    'a kernel without a root disk',
    '[    3.880986] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n',
    ['kernel-panic'],
  ],
  [
    'systemd in emergency mode',
    'You are in emergency mode. After logging in, type "journalctl -xb" to view\r\n',
    ['emergency-mode'],
  ],
  [
    'an initramfs without the root disk',
    'ALERT!  UUID=0d6b8f6e does not exist.  Dropping to a shell!\r\n',
    ['emergency-mode'],
  ],
  [
    'the kernel killing for memory',
    '[   66.1] Out of memory: Killed process 612 (apt-get) total-vm:180224kB\r\n',
    ['out-of-memory'],
  ],
  [
    'a stage of cloud-init behind the login prompt',
    "ibtest login: [   85.821969] cloud-init[464]: Cloud-init v. 22.4.2 running 'modules:config' at Sat, 21 Nov 2026 07:44:47 +0000. Up 85.13 seconds.\r\n",
    ['cloud-init-stage'],
  ],
  [
    'the end of cloud-init',
    '[   97.826920] cloud-init[495]: Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 07:44:59 +0000. Datasource DataSourceNoCloud [seed=/dev/sr0][dsmode=net].  Up 97.74 seconds\r\n',
    ['cloud-init-finished'],
  ],
  [
    'the end of cloud-init without a seed',
    '[   41.2] cloud-init[495]: Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 07:44:59 +0000. Datasource DataSourceNone.  Up 41.10 seconds\r\n',
    ['cloud-init-finished', 'no-data-source'],
  ],
  [
    'a module that failed',
    "[   87.610178] cloud-init[464]: 2026-11-21 07:44:49,752 - util.py[WARNING]: Running module locale (<module 'cloudinit.config.cc_locale' from '/usr/lib/python3/dist-packages/cloudinit/config/cc_locale.py'>) failed\r\n",
    ['cloud-init-error'],
  ],
  [
    'an ordinary line of cloud-init',
    '[   86.377454] cloud-init[464]: Generating locales (this might take a while)...\r\n',
    [],
  ],
  [
    'a unit with colours',
    '[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mgetty.target\x1b[0m - Login Prompts.\r\n',
    [],
  ],
  ['a login prompt', 'Debian GNU/Linux 12 ibtest ttyS0\r\n\r\nibtest login: ', ['login-prompt']],
]

describe('C18: what the serial console says', () => {
  it.each(samples)('%s', (_, text, want) => {
    expect(kinds(text)).toEqual(want)
  })

  it('reads the data source and the stage', () => {
    const classify = consoleClassifier('')
    const details = samples.flatMap(([, text]) => classify(text.trimEnd())).map((finding) => finding.detail)
    expect(details).toEqual(
      expect.arrayContaining(['modules:config', 'DataSourceNoCloud [seed=/dev/sr0][dsmode=net]']),
    )
  })

  it.each([
    ['IDOPS CLOUD-INIT FINISHED AT $TIMESTAMP', 'IDOPS CLOUD-INIT FINISHED AT Sat, 21 Nov 2026', true],
    ['{{ version }} is done (really) after {{uptime}} s', '22.4 is done (really) after 12 s', true],
    ['\nfirst line counts\nsecond', 'second', false],
    ['$TIMESTAMP', 'anything', false],
    ['.*', 'anything', false],
  ])('knows the final message %j in %j: %s', (message, line, found) => {
    expect(kinds(`${line}\n`, message).includes('cloud-init-finished')).toBe(found)
  })
})

describe('lines', () => {
  it('are the same wherever the bytes are cut', () => {
    const bytes = Buffer.from(
      '\x1b[0;32mgrün\x1b[0m\r\nzwei\rdrei\n\x1b]0;title\x07vier\x00\x9b\r\r\n\x1b[07;01HESC in 5\x1b[07;01HESC in 4\nrest',
    )
    const cut = (...ends: readonly number[]): readonly string[] => {
      const splitter = new LineSplitter()
      const chunks = [0, ...ends].map((from, index) => bytes.subarray(from, ends[index] ?? bytes.length))
      return [...chunks.flatMap((chunk) => splitter.push(chunk)), splitter.partial]
    }
    const whole = ['grün', 'zwei', 'drei', 'vier', 'ESC in 5', 'ESC in 4', 'rest']
    for (let end = 0; end < bytes.length; end++) expect(cut(end)).toEqual(whole)
    expect(cut(...bytes.keys())).toEqual(whole)
  })

  it('have an upper bound, and so has what is kept of them', () => {
    const splitter = new LineSplitter()
    expect(splitter.push(Buffer.alloc(100_000, 'x'))).toEqual(['x'.repeat(4_096)])
    const tail = new ConsoleTail(1_000)
    for (let line = 0; line < 500; line++) tail.add(`line ${line}`.padEnd(10))
    expect(tail.last(1_000)).toHaveLength(100)
    expect(tail.last(2)).toEqual(['line 498  ', 'line 499  '])
  })
})
