import { struct, type Codec, type Fields, type StructOf } from '../xdr/schema.ts'
import { program } from './packet.ts'

/** What a call is, as data: its number and the shapes of its arguments and its result. */
export interface Call<Args, Result, Stream extends StreamUse = 'none'> {
  readonly name: string
  readonly program: number
  readonly procedure: number
  readonly args: Codec<Args>
  readonly result: Codec<Result>
  readonly stream: Stream
}

/** Whether a call opens a stream, and which way its data flows. */
export type StreamUse = 'none' | 'upload' | 'download' | 'both'

/** Arguments as a caller gives them: what may be `undefined` may also be left out. */
export type ArgsOf<Args> = {
  readonly [K in keyof Args as undefined extends Args[K] ? never : K]: Args[K]
} & {
  readonly [K in keyof Args as undefined extends Args[K] ? K : never]?: Args[K] | undefined
}

type Declared<A extends Fields, R extends Fields, S extends StreamUse> = Call<StructOf<A>, StructOf<R>, S>

const nothing = {} satisfies Fields

/** One call of the remote program: number, arguments in wire order, result in wire order. */
export function call<const A extends Fields = typeof nothing, const R extends Fields = typeof nothing>(
  procedure: number,
  args?: A,
  result?: R,
): Declared<A, R, 'none'> {
  return declare(program.remote, procedure, 'none', args, result)
}

/** A call of the QEMU program, which only QEMU's driver answers. */
export function qemuCall<const A extends Fields, const R extends Fields>(
  procedure: number,
  args: A,
  result: R,
): Declared<A, R, 'none'> {
  return declare(program.qemu, procedure, 'none', args, result)
}

/** A call that opens a stream. */
export function streamCall<
  const S extends StreamUse,
  const A extends Fields,
  const R extends Fields = typeof nothing,
>(procedure: number, stream: S, args: A, result?: R): Declared<A, R, S> {
  return declare(program.remote, procedure, stream, args, result)
}

function declare<A extends Fields, R extends Fields, S extends StreamUse>(
  program: number,
  procedure: number,
  stream: S,
  args: A | undefined,
  result: R | undefined,
): Declared<A, R, S> {
  // An absent schema means that A (or R) is the default: no fields.
  return {
    name: '',
    program,
    procedure,
    args: struct(args ?? ({} as A)),
    result: struct(result ?? ({} as R)),
    stream,
  }
}

/** Gives each call of a table its key as its name. */
export function named<T extends Readonly<Record<string, { readonly name: string }>>>(table: T): T {
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, { ...entry, name }])) as T
}
