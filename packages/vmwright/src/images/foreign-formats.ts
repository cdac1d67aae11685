/** A file that is some other thing than an image we take. */
export interface ForeignFormat {
  /** Completes “it is …”. */
  readonly name: string
  readonly hint: string
}

/** Recognises what people (and attackers) hand over in place of a raw or qcow2 image. */
export function foreignFormat(head: Uint8Array): ForeignFormat | undefined {
  return signatures.find((one) => one.marks.some(([offset, mark]) => startsWith(head, offset, mark)))
}

interface Signature extends ForeignFormat {
  /** Any of these bytes, at its offset. */
  readonly marks: readonly (readonly [offset: number, mark: string])[]
}

const convert = (from: string): string =>
  `Convert it on a machine you trust: qemu-img convert -f ${from} -O qcow2 IN OUT.`
const unpack = (program: string): string => `Unpack it first: ${program} FILE.`

/** Marks are Latin-1 strings. */
const signatures: readonly Signature[] = [
  {
    name: 'a VMDK image',
    hint: convert('vmdk'),
    marks: [
      [0, 'KDMV'],
      [0, 'COWD'],
      [0, '# Disk DescriptorFile'],
    ],
  },
  { name: 'a VHDX image', hint: convert('vhdx'), marks: [[0, 'vhdxfile']] },
  { name: 'a VHD image', hint: convert('vpc'), marks: [[0, 'conectix']] },
  { name: 'a VDI image', hint: convert('vdi'), marks: [[0x40, '\x7f\x10\xda\xbe']] },
  { name: 'a QED image', hint: convert('qed'), marks: [[0, 'QED\0']] },
  {
    name: 'a Parallels image',
    hint: convert('parallels'),
    marks: [
      [0, 'WithoutFreeSpace'],
      [0, 'WithouFreSpacExt'],
    ],
  },
  {
    name: 'a Bochs image',
    hint: convert('bochs'),
    marks: [[0, 'Bochs Virtual HD Image']],
  },
  {
    name: 'a cloop image',
    hint: convert('cloop'),
    marks: [[0, '#!/bin/sh\n#V2.0 Format']],
  },
  {
    name: 'an encrypted (LUKS) image',
    hint: 'Decrypt it on a machine you trust: cryptsetup, then copy the device.',
    marks: [[0, 'LUKS\xba\xbe']],
  },
  {
    name: 'an ISO image (installation medium)',
    hint: 'Use a cloud image: a disk with an installed system, as qcow2 or raw.',
    marks: [
      [0x8001, 'CD001'],
      [0x8001, 'BEA01'],
    ],
  },
  { name: 'compressed with gzip', hint: unpack('gunzip'), marks: [[0, '\x1f\x8b\x08']] },
  { name: 'compressed with xz', hint: unpack('unxz'), marks: [[0, '\xfd7zXZ\0']] },
  { name: 'compressed with zstd', hint: unpack('unzstd'), marks: [[0, '\x28\xb5\x2f\xfd']] },
  { name: 'compressed with bzip2', hint: unpack('bunzip2'), marks: [[0, 'BZh']] },
  { name: 'a ZIP archive', hint: unpack('unzip'), marks: [[0, 'PK\x03\x04']] },
  { name: 'a tar archive (or an OVA)', hint: unpack('tar xf'), marks: [[257, 'ustar']] },
  {
    name: 'a web page',
    hint: 'Check the URL or the file: an error page was saved in place of the image.',
    marks: [
      [0, '<!DOCTYPE'],
      [0, '<!doctype'],
      [0, '<html'],
      [0, '<HTML'],
      [0, '<?xml'],
    ],
  },
]

function startsWith(head: Uint8Array, offset: number, mark: string): boolean {
  if (head.length < offset + mark.length) return false
  for (let index = 0; index < mark.length; index++) {
    if (head[offset + index] !== mark.charCodeAt(index)) return false
  }
  return true
}
