import type { LifecycleDocument } from '@vmwright/contract'
import { hintForUnknown } from './nearest.ts'
import type { Path } from './node.ts'
import { toMs } from './quantity.ts'
import type { Layers, Report } from './report.ts'
import type { ConnectionSpec } from './resolved-lifecycle.ts'
import { localFile, secretRef } from './secret-ref.ts'

export interface ConnectionContext {
  readonly report: Report
  readonly homeDirectory: string
  readonly names: readonly string[]
}

interface Connected {
  readonly name: string
  readonly lifecycle: LifecycleDocument
  readonly layers: Layers
}

type Document = Exclude<NonNullable<LifecycleDocument['connection']>, string>
type Kind = ConnectionSpec['kind']

const at = (...path: Path): Path => ['lifecycle', 'connection', ...path]

const fieldsOf: Readonly<Record<Kind, readonly (keyof Document)[]>> = {
  ssh: ['user', 'password', 'identityFile', 'port', 'jump', 'wait'],
  agent: [],
  winrm: ['user', 'password', 'port', 'tls', 'wait'],
}

/** G5. How steps reach a guest. What a farther level says for another kind of connection is passed over. */
export function resolveConnection(connected: Connected, context: ConnectionContext): ConnectionSpec {
  const { lifecycle, layers } = connected
  const written: Document =
    typeof lifecycle.connection === 'string'
      ? { kind: lifecycle.connection }
      : (lifecycle.connection ?? { kind: 'ssh' })
  const kind = written.kind ?? 'ssh'
  tellForeign(kind, layers, context.report)
  const common = {
    timeoutMs: toMs(written.timeout ?? '2m'),
    wait: written.wait ?? 'connection',
  } as const
  const { password } = written
  const secret = password === undefined ? undefined : secretRef(password, layers, at('password'), context)
  switch (kind) {
    case 'agent':
      return { ...common, wait: 'connection', kind }
    case 'winrm': {
      for (const field of ['user', 'password'] as const)
        if (!context.report.isWrittenWithin(layers, at(field)))
          context.report.within(
            layers,
            context.report.find(layers, at('kind')) === undefined ? at() : at('kind'),
            `is \`winrm\`, which needs a \`${field}\``,
            'Add it.',
          )
      const tls = written.tls ?? true
      return {
        ...common,
        kind,
        user: written.user ?? '',
        password: secret ?? { kind: 'env', name: '' },
        port: written.port ?? (tls ? 5986 : 5985),
        tls,
      }
    }
    case 'ssh':
      return {
        ...common,
        kind,
        user: written.user,
        password: secret,
        identityFile:
          written.identityFile === undefined
            ? undefined
            : localFile(written.identityFile, layers, at('identityFile'), context),
        port: written.port ?? 22,
        jump: jumpsOf(written.jump ?? [], connected, context),
      }
  }
}

/** Fields that the kind does not have, where they stand at least as near as the kind itself. */
function tellForeign(kind: Kind, layers: Layers, report: Report): void {
  const isAt = (path: Path) => (layer: Path) => report.find([layer], path) !== undefined
  const level = layers.findIndex(
    (layer) =>
      isAt(at('kind'))(layer) || (isAt(at())(layer) && report.keys([...layer, ...at()]).length === 0),
  )
  const near = level === -1 ? layers : layers.slice(0, level + 1)
  for (const field of ['user', 'password', 'identityFile', 'port', 'tls', 'jump', 'wait'] as const) {
    const found = fieldsOf[kind].includes(field) ? undefined : report.find(near, at(field))
    if (found !== undefined)
      report.atKey(found, `is not for connections of kind \`${kind}\``, 'Remove it, or change `kind`.')
  }
}

/** `me@gate.example:2222`, `[fd00::1]:22`, `10.0.0.1`: what can be no name of an instance, or has an end of its own. */
const machine = /^([A-Za-z_][\w.-]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(:\d{1,5})?$/

function jumpsOf(
  jump: readonly string[],
  { name, layers }: Connected,
  { report, names }: ConnectionContext,
): readonly string[] {
  // What is said for all ends, for a machine that stands in it, before that machine.
  const isShared = report.find(layers.slice(0, -2), at('jump')) === undefined
  const own = jump.indexOf(name)
  for (const [index, stop] of jump.entries()) {
    const tell = (message: string, hint: string): void =>
      report.within(layers, at('jump', index), message, hint)
    if (jump.indexOf(stop) < index) tell('is named twice', 'Remove one of the two.')
    else if (stop === name && !isShared) tell('is the guest itself', 'Remove it, or name another machine.')
    else if (names.includes(stop)) continue
    else if (!machine.test(stop))
      tell(
        'is neither an instance nor the address of a machine',
        'Write the name of an instance, or `me@host.example:22`.',
      )
    else if (!/[@.:]/.test(stop))
      tell(
        'there is no instance of this name',
        `${hintForUnknown(stop, names)} Another machine is written with its user: \`me@${stop}\`.`,
      )
  }
  return own === -1 ? jump : jump.slice(0, own)
}
