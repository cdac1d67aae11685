import * as z from 'zod'

/** What the reference and the editor's schema tell about a field. Markdown; `default` is prose or a literal in backticks. */
export interface FieldFacts {
  readonly default?: string
  readonly example?: unknown
}

/** A field that may be left out. The text is the only documentation of the field. */
export const field = <T extends z.ZodType>(
  schema: T,
  what: string,
  facts: FieldFacts = {},
): z.ZodOptional<T> => required(schema, what, facts).optional()

/** A field that must be there. */
export const required = <T extends z.ZodType>(schema: T, what: string, facts: FieldFacts = {}): T =>
  schema.meta({
    description: what,
    ...(facts.default === undefined ? {} : { fallback: facts.default }),
    ...(facts.example === undefined ? {} : { examples: [facts.example] }),
  })

/**
 * zod carries one string for a fault; ours is the message, a line feed, and the hint. Values are never part of
 * it, because a value may be a secret.
 */
export const fault = (message: string, hint = ''): string => `${message}\n${hint}`

/** A text of a given form; `kind` names it in the reference. A number or a boolean in its place gets the same message. */
const formed = (kind: string, pattern: RegExp, message: string, hint: string): z.ZodString => {
  const error = (): string => fault(message, hint)
  return z.string({ error }).regex(pattern, { error }).meta({ kind })
}

export const size = (): z.ZodString =>
  formed(
    'size',
    /^\d+(\.\d+)?\s?(K|KiB|KB|M|MiB|MB|G|GiB|GB|T|TiB|TB)$/,
    'must be a size with a unit',
    'Write `2GiB` or `512MiB`; a number alone has no unit.',
  )

export const duration = (): z.ZodString =>
  formed(
    'duration',
    /^(\d+h)?(\d+m)?(\d+s)?(?<=[hms])$/,
    'must be a duration with a unit',
    'Write `90s`, `10m` or `1h30m`; a number alone has no unit.',
  )

/** Keys of hosts, images, networks, pools and groups. */
export const key = (): z.ZodString =>
  formed(
    'name',
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'is not a usable name',
    'Use letters, digits, `.`, `_` and `-`, at most 63, beginning with a letter or digit.',
  )

export const text = (): z.ZodString =>
  z.string({ error: () => fault('must be a text', 'Put it in quotes.') }).min(1, {
    error: () => fault('must not be empty', 'Leave the field out to have its default.'),
  })

export const flag = (): z.ZodBoolean =>
  z.boolean({ error: () => fault('must be `true` or `false`', 'Without quotes.') })

export const whole = (minimum: number, maximum: number): z.ZodInt => {
  const error = (): string => fault(`must be a whole number from ${minimum} to ${maximum}`)
  return z.int({ error }).min(minimum, { error }).max(maximum, { error })
}

export const oneOf = <const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodEnum<z.core.util.ToEnum<T[number]>> => z.enum(values)

/** As libvirt spells it. */
export const architectureName = () => oneOf(['x86_64', 'aarch64', 'armv7l', 'ppc64le', 's390x', 'riscv64'])

export const absolutePath = (): z.ZodString =>
  formed('absolute path', /^\/[^\0\n\r]*$/, 'must be an absolute path', 'Begin it with `/`.')

/** A path that may be relative to the file it stands in, or begin with `~/`. */
export const localPath = (): z.ZodString =>
  formed('path', /^[^\0\n\r]+$/, 'must be a path', 'Write it as text.')

/** Of an interface or a bridge on a host: what Linux allows. */
export const device = (): z.ZodString =>
  formed(
    'interface name',
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/,
    'is not the name of an interface',
    'Use letters, digits, `_`, `.` and `-`, at most 15: Linux has no more.',
  )

export const domainName = (): z.ZodString =>
  formed(
    'DNS name',
    /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    'is not a DNS name',
    'Use letters, digits and `-` in parts of at most 63, joined by `.`, without one at the end.',
  )

export const mac = (): z.ZodString =>
  formed(
    'MAC address',
    /^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/,
    'must be a MAC address',
    'Write six pairs of hexadecimal digits with colons, in quotes: "52:54:00:12:34:56".',
  )
    .refine((address) => !/^.[13579bdfBDF](:..){5}$/.test(address), {
      error: () =>
        fault('is the address of a group, which no interface has', 'Make the second digit even: `52:…`.'),
    })
    .meta({ kind: 'MAC address' })

export const digest = (): z.ZodString =>
  formed(
    'digest',
    /^(sha256:[0-9A-Fa-f]{64}|sha512:[0-9A-Fa-f]{128})$/,
    'must be a digest',
    'Write `sha256:` and 64, or `sha512:` and 128 hexadecimal digits.',
  )

export const url = (): z.ZodString =>
  formed(
    'URL',
    /^https?:\/\/[^\s/@]+(\/\S*)?$/,
    'must be a URL',
    'Begin it with `https://`; no user or password in it.',
  )

/** A user of a Linux system. */
export const userName = (): z.ZodString =>
  formed(
    'user name',
    /^[a-z_][a-z0-9_-]{0,31}$/,
    'is not a user name',
    'Use lower-case letters, digits, `_` and `-`, at most 32.',
  )

export const secret = (): z.ZodUnion<
  readonly [
    z.ZodString,
    z.ZodObject<{ env: z.ZodString }, z.core.$strict>,
    z.ZodObject<{ file: z.ZodString }, z.core.$strict>,
  ]
> =>
  z.union(
    [
      text(),
      z.strictObject({
        env: required(text(), 'Name of the environment variable that holds it.', { example: 'VM_PASSWORD' }),
      }),
      z.strictObject({
        file: required(localPath(), 'File that holds it; one line feed at its end is left out.', {
          example: '~/.secrets/vm',
        }),
      }),
    ],
    { error: () => fault('must be a text, `{ env: NAME }` or `{ file: PATH }`', 'Put a literal in quotes.') },
  )

export const address = (): z.ZodString =>
  formed(
    'address with prefix length',
    /^[0-9A-Fa-f:.]+\/\d{1,3}$/,
    'must be an address with prefix length',
    'Write `192.168.24.10/24` or `fd00::10/64`.',
  )

/** An address, or a range of them: `10.10.0.11-10.10.0.14/24`. */
export const addressOrRange = (): z.ZodString =>
  formed(
    'address or range with prefix length',
    /^[0-9A-Fa-f:.]+(-[0-9A-Fa-f:.]+)?\/\d{1,3}$/,
    'must be an address or a range with prefix length',
    'Write `192.168.24.10/24` or `192.168.24.10-192.168.24.19/24`.',
  )

export const bareAddress = (): z.ZodString =>
  formed(
    'address',
    /^[0-9A-Fa-f:.]+$/,
    'must be an IP address without prefix length',
    'Write `192.168.24.1` or `fd00::1`.',
  )

export const block = (): z.ZodString =>
  formed(
    'block of addresses',
    /^[0-9A-Fa-f:.]+\/\d{1,3}$/,
    'must be a block of addresses',
    'Write `192.168.24.0/24` or `fd00:24::/64`; `192.168.24.7/32` is a single one.',
  )
