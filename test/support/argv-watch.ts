import { readdir, readFile } from 'node:fs/promises'

/** Looks at the command lines of all processes until it is stopped, and keeps those that have the text. */
export function watchCommandLines(text: string): { stop(): Promise<Watched> } {
  const found = new Set<string>()
  let looks = 0
  const stopped = new AbortController()
  const look = async (): Promise<void> => {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (line.includes(text)) found.add(line.replaceAll('\0', ' '))
    }
    looks++
  }
  const done = (async () => {
    while (!stopped.signal.aborted) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })()
  return {
    async stop() {
      stopped.abort()
      await done
      return { looks, found: [...found] }
    },
  }
}

export interface Watched {
  readonly looks: number
  readonly found: readonly string[]
}
