import { join } from 'node:path'

export interface Directories {
  /** Things that can be made again: downloads for remote hosts, what was found out about hosts. */
  readonly cache: string
  /** Things that cannot: the key pair of the person. */
  readonly data: string
  /** Things that tell of the past: the timings of runs. */
  readonly state: string
}

/** Where vmwright keeps files of its own, by the XDG base directory specification. */
export function directoriesOf(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Directories {
  const at = (variable: string, ...fallback: readonly string[]): string => {
    const value = environment[variable]
    return join(value !== undefined && value.startsWith('/') ? value : join(home, ...fallback), 'vmwright')
  }
  return {
    cache: at('XDG_CACHE_HOME', '.cache'),
    data: at('XDG_DATA_HOME', '.local', 'share'),
    state: at('XDG_STATE_HOME', '.local', 'state'),
  }
}
