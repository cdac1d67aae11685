import { compactInputs } from './note.ts'

/**
 * What differs between the inputs in a note and those of now, each as a clause: `the file init.yaml changed`,
 * `memory went from 1024 to 2048`. Empty: nothing does.
 */
export function changedInputs(
  noted: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): readonly string[] {
  const current = compactInputs(now)
  return [...new Set([...Object.keys(noted), ...Object.keys(current)])]
    .filter((name) => noted[name] !== current[name])
    .map((name) => ({ ...described(name), before: noted[name], after: current[name] }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ what, shown, before, after }) => {
      if (before === undefined) return `${what} came in`
      if (after === undefined) return `${what} went away`
      return shown ? `${what} went from ${before} to ${after}` : `${what} changed`
    })
}

interface Described {
  readonly what: string
  /** The values say something to a person. */
  readonly shown: boolean
  /** What people change most often first; what follows from it last. */
  readonly rank: number
}

function described(name: string): Described {
  const [kind = '', first = '', ...rest] = name.split(' ')
  switch (kind) {
    case 'hardware':
      return { what: [first, ...rest].join(' '), shown: true, rank: 1 }
    case 'file':
      return { what: `the file ${rest.join(' ')}`, shown: false, rank: 0 }
    case 'files':
      return { what: `something in the folder ${rest.join(' ')}`, shown: false, rank: 0 }
    case 'steps':
      return { what: `the steps of ${first} in the spec`, shown: false, rank: 0 }
    case 'phase':
      return { what: `the phase ${first}`, shown: false, rank: 0 }
    case 'variable':
      return { what: `the variable ${[first, ...rest].join(' ')}`, shown: false, rank: 2 }
    case 'environment':
      return { what: `the environment variable ${[first, ...rest].join(' ')}`, shown: false, rank: 2 }
    case 'secret':
      return { what: `the reference of the secret ${[first, ...rest].join(' ')}`, shown: false, rank: 2 }
    case 'all':
      return { what: pluralOf[first] ?? 'an input', shown: false, rank: 2 }
    default:
      return single[kind] ?? { what: 'an input', shown: false, rank: 4 }
  }
}

const pluralOf: Readonly<Record<string, string>> = {
  variable: 'a variable',
  environment: 'an environment variable',
  secret: 'the reference of a secret',
}

const single: Readonly<Record<string, Described>> = {
  base: { what: 'the image or template', shown: false, rank: 1 },
  identity: { what: 'what the machine is told at its creation', shown: false, rank: 1 },
  connection: { what: 'the connection', shown: true, rank: 1 },
  login: { what: 'the user of the connection', shown: true, rank: 1 },
  platform: { what: 'the platform', shown: true, rank: 3 },
  target: { what: 'the target', shown: true, rank: 3 },
  layout: { what: 'the layout of layers', shown: true, rank: 3 },
}
