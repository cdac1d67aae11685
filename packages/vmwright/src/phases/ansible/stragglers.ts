import { readdir, readFile } from 'node:fs/promises'
import type { Progress } from '../../lib/progress.ts'

/**
 * Kills every process whose command line or environment names the folder: what Ansible has started leaves its process
 * group, and the connections that `ssh` keeps open outlive it. Linux; elsewhere nothing is found.
 */
export async function killStragglers(progress: Progress, folder: string): Promise<void> {
  // A process may start another one between the look and the kill.
  for (let round = 0; round < 5; round++) {
    const found = await processesOf(folder)
    if (found.length === 0) return
    await progress.seam.effect({ kind: 'process.kill', object: folder, mutates: true }, async () => {
      for (const pid of found) kill(pid)
    })
  }
}

async function processesOf(folder: string): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.map(Number).filter((pid) => Number.isInteger(pid) && pid > 1 && pid !== process.pid)
  const named = await Promise.all(
    pids.map(async (pid) => {
      const texts = await Promise.all(
        ['environ', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
      )
      return texts.some((text) => text.includes(folder))
    }),
  )
  return pids.filter((_, index) => named[index])
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}
