import type { FileChange } from '../../disks.ts'
import type { Guestfish } from './conversation.ts'
import { runCommand, titleOf } from './run.ts'
import { parts } from './words.ts'

/**
 * Makes the changes in the mounted system, in their order. All of them may be made again. `tell` is called with what
 * is run, before it is. Throws `CommandFailed`.
 */
export async function applyChanges(
  guestfish: Guestfish,
  changes: readonly FileChange[],
  tell: (what: string) => void,
): Promise<void> {
  for (const change of changes) {
    switch (change.kind) {
      case 'write':
        await write(guestfish, change)
        break
      case 'remove':
        await remove(guestfish, change.pattern)
        break
      case 'link':
        await makeFolder(guestfish, folderOf(change.path), root, 0o755)
        await guestfish.ask('ln-sf', change.target, change.path)
        break
      case 'run':
        tell(titleOf(change))
        await runCommand(guestfish, change, (path, content) =>
          write(guestfish, { kind: 'write', path, content, mode: 0o600 }),
        )
        break
    }
  }
}

/**
 * Under another name first, which then takes the place of what is there: a link is replaced, not followed, and no
 * moment shows a private key to others, or half a file.
 */
async function write(
  guestfish: Guestfish,
  { path, content, mode, onlyIf, ownerOf, existing }: Extract<FileChange, { kind: 'write' }>,
): Promise<void> {
  if (onlyIf !== undefined && !(await exists(guestfish, onlyIf))) return
  const text = typeof content === 'string' ? content : content.reveal()
  const added = existing === 'add-lines' ? await newLines(guestfish, path, text) : undefined
  if (added === '') return
  const owner = ownerOf === undefined ? root : await ownerOfFile(guestfish, ownerOf)
  await makeFolder(guestfish, folderOf(path), owner, ownerOf === undefined ? 0o755 : 0o700)
  const unfinished = `${path}.vmwright-new`
  await guestfish.ask('rm-f', unfinished)
  await guestfish.ask('touch', unfinished)
  await guestfish.ask('chmod', octal(mode), unfinished)
  await guestfish.ask('chown', owner.user, owner.group, unfinished)
  if (added !== undefined) await guestfish.ask('copy-file-to-file', path, unfinished)
  for (const part of parts(added ?? text)) await guestfish.ask('write-append', unfinished, part)
  await guestfish.ask('rename', unfinished, path)
}

interface Owner {
  readonly user: number
  readonly group: number
}

const root: Owner = { user: 0, group: 0 }

async function ownerOfFile(guestfish: Guestfish, path: string): Promise<Owner> {
  const lines = await guestfish.ask('stat', path)
  const value = (name: string): number =>
    Number(lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2))
  return { user: value('uid'), group: value('gid') }
}

async function makeFolder(guestfish: Guestfish, path: string, owner: Owner, mode: number): Promise<void> {
  if (path === '' || (await isFolder(guestfish, path))) return
  await makeFolder(guestfish, folderOf(path), owner, mode)
  await guestfish.ask('mkdir-mode', path, octal(mode))
  await guestfish.ask('chown', owner.user, owner.group, path)
}

/** What has to be added for the file to have these lines; `undefined`: there is no such file. */
async function newLines(guestfish: Guestfish, path: string, text: string): Promise<string | undefined> {
  if (!(await isFile(guestfish, path))) return undefined
  // A line feed after the content is guestfish's own.
  const there = await guestfish.ask('cat', path)
  const missing = text.split('\n').filter((line) => line !== '' && !there.includes(line))
  if (missing.length === 0) return ''
  return [...(there.at(-1) === '' ? [] : ['']), ...missing, ''].join('\n')
}

async function remove(guestfish: Guestfish, pattern: string): Promise<void> {
  const matches = await guestfish.ask('glob-expand', pattern)
  for (const path of matches.filter((path) => !path.endsWith('/'))) await guestfish.ask('rm-f', path)
}

const exists = async (guestfish: Guestfish, path: string): Promise<boolean> =>
  (await isFile(guestfish, path)) || (await isFolder(guestfish, path))

const isFile = async (guestfish: Guestfish, path: string): Promise<boolean> =>
  (await guestfish.ask('is-file', path)).includes('true')

const isFolder = async (guestfish: Guestfish, path: string): Promise<boolean> =>
  (await guestfish.ask('is-dir', path, 'followsymlinks:true')).includes('true')

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

const octal = (mode: number): string => `0${mode.toString(8)}`
