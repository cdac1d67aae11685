import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import type { HostFile } from '../hypervisor/host-files.ts'
import type { TemplateSpec } from '../spec/resolved.ts'
import type { TemplateFacts } from './facts.ts'
import { diskHeader } from './header.ts'

/** Something that speaks against cloning a disk: completes nothing, says it all. */
export interface DiskProblem {
  readonly message: string
  readonly hint: string | undefined
}

/** T3. All that is wrong with the disks of a template's machine. Pure. */
export function diskProblems(
  template: TemplateSpec,
  machine: ObservedVm,
  host: ObservedHost,
  { files }: Pick<TemplateFacts, 'files'>,
): readonly DiskProblem[] {
  const disks = machine.disks.filter(({ kind }) => kind === 'disk')
  if (disks.length === 0)
    return [problem(`The machine ${machine.name} has no disk.`, 'Name another machine as `domain`.')]
  return [
    ...listProblems(template, machine, files),
    ...disks.flatMap((disk) => {
      const { path, device } = disk
      if (path === undefined)
        return [
          problem(
            `The disk ${device} of ${machine.name} is not a file (a network or host device).`,
            'Only templates whose disks are files can be cloned.',
          ),
        ]
      const file = files.get(path)
      return [
        ...userProblems(path, machine, host, files),
        ...(file === undefined ? [] : fileProblems(file, disk.format, host)),
      ]
    }),
  ]
}

const problem = (message: string, hint?: string): DiskProblem => ({ message, hint })

type Files = ReadonlyMap<string, HostFile>

const realPath = (files: Files, path: string): string => files.get(path)?.realPath ?? path

/** What the spec lists against what the machine has. */
function listProblems(template: TemplateSpec, machine: ObservedVm, files: Files): readonly DiskProblem[] {
  const listed = template.disks
  if (listed === undefined) return []
  const its = machine.disks.flatMap(({ kind, path }) => (kind === 'disk' && path !== undefined ? [path] : []))
  const real = (path: string): string => realPath(files, path)
  const foreign = listed.filter((path) => !its.some((own) => real(own) === real(path)))
  const unlisted = its.filter((path) => !listed.some((other) => real(other) === real(path)))
  const isOutOfOrder =
    foreign.length === 0 &&
    unlisted.length === 0 &&
    listed.some((path, index) => real(path) !== real(its[index] ?? ''))
  const has = its.length === 0 ? 'no disk file' : its.join(', ')
  return [
    ...foreign.map((path) => {
      const kind = files.get(path)?.kind
      const what = kind === 'missing' || kind === 'unreadable' ? ` is ${kind}, and` : ''
      return problem(
        `The listed disk ${path}${what} is not a disk of ${machine.name}.`,
        `${machine.name} has ${has}.`,
      )
    }),
    ...unlisted.map((path) =>
      problem(
        `${machine.name} has the disk ${path}, which is not listed.`,
        'Add it to `disks`, or leave `disks` out to take all that the machine has.',
      ),
    ),
    ...(isOutOfOrder
      ? [
          problem(
            `The disks of ${machine.name} are listed in another order than it has them.`,
            `Its order is ${has}.`,
          ),
        ]
      : []),
  ]
}

function userProblems(
  path: string,
  machine: ObservedVm,
  host: ObservedHost,
  files: Files,
): readonly DiskProblem[] {
  const wanted = new Set([path, realPath(files, path)])
  const users = host.vms.filter(
    (vm) => vm.name !== machine.name && vm.disks.some((disk) => wanted.has(disk.path ?? '')),
  )
  if (users.length === 0) return []
  return [
    problem(
      `The disk ${path} of ${machine.name} is a disk of ${users.map(({ name }) => name).join(', ')} too.`,
      'A template has its disks for itself: what runs on them would change its clones.',
    ),
  ]
}

function fileProblems(
  file: HostFile,
  format: string | undefined,
  host: ObservedHost,
): readonly DiskProblem[] {
  const { path } = file
  switch (file.kind) {
    case 'missing':
      return [problem(`The disk file ${path} does not exist.`, 'Restore it, or name another machine.')]
    case 'unreadable':
      return [
        problem(`The disk file ${path} cannot be read.`, 'Log in to the host as a user who can read it.'),
      ]
    case 'folder':
    case 'other':
    case 'block-device':
      return [
        problem(
          `The disk ${path} is a ${file.kind.replace('-', ' ')}, not a file.`,
          'Only files can be cloned.',
        ),
      ]
    case 'file':
  }
  const header = diskHeader(file.head)
  const defined = format ?? 'raw'
  if (defined !== header.kind) {
    const said =
      format === undefined
        ? 'the definition does not say the format, which means raw'
        : `defined as ${defined}`
    return [
      problem(
        `The disk file ${path} is ${header.kind}, and ${said}.`,
        'Correct the format in the definition of the machine: <driver type="…"/> of the disk.',
      ),
    ]
  }
  if (header.kind === 'raw') return []
  if (header.problem !== undefined)
    return [
      problem(
        `The disk file ${path} ${header.problem}.`,
        'Make it stand alone: qemu-img convert -O qcow2 IN OUT, and give the machine the result.',
      ),
    ]
  return backingProblems(path, header.backingFile, host)
}

function backingProblems(
  path: string,
  backing: string | undefined,
  { pools }: ObservedHost,
): readonly DiskProblem[] {
  if (backing === undefined) return []
  const absolute = absolutePath(path, backing)
  const volume = pools.flatMap((pool) => pool.volumes).find((each) => each.path === absolute)
  if (volume !== undefined) return []
  return [
    problem(
      `The disk file ${path} has the backing file ${backing}, which is in no storage pool of the host.`,
      'Make a pool of its folder, or make the disk stand alone: qemu-img rebase -b "" FILE (with the machine off).',
    ),
  ]
}

/** A name without a leading slash is relative to the folder of the overlay. Protocols (`nbd:…`, `json:…`) stay as they are. */
function absolutePath(path: string, backing: string): string {
  if (backing.startsWith('/') || /^[a-z+]+:/.test(backing)) return backing
  const parts: string[] = []
  for (const part of [...path.split('/').slice(0, -1), ...backing.split('/')]) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return `/${parts.join('/')}`
}
