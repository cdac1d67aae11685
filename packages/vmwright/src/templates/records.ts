import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProvisionError, systemCode } from '../lib/errors.ts'
import { sha256Hex } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'

/** What one person's machine remembers about a template on a host. Losing it costs a validation, or a start by hand. */
export interface TemplateRecord {
  /** Its content identity when it passed all checks, by a digest of what the spec demanded of it. */
  readonly validated: Readonly<Record<string, string>>
  /** vmwright shut the machine down to clone it and is to start it again. */
  readonly restartDue: boolean
}

export interface TemplateRecords {
  /** `uri` names the host, `domain` the template's machine. `undefined`: nothing is known. */
  read(uri: string, domain: string): Promise<TemplateRecord | undefined>
  /** Replaces what is known, wholly or not at all. May be repeated. */
  write(progress: Progress, uri: string, domain: string, record: TemplateRecord): Promise<void>
}

/** One JSON file for each host and template in `<folder>/templates`. What is not readable counts as not known. */
export function openTemplateRecords(folder: string): TemplateRecords {
  const pathOf = (uri: string, domain: string): string =>
    join(folder, 'templates', `${sha256Hex(`${uri}\0${domain}`).slice(0, 32)}.json`)
  return {
    async read(uri, domain) {
      const text = await readFile(pathOf(uri, domain), 'utf8').catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT') return ''
        throw notUsable(folder, error)
      })
      return parseRecord(text)
    },
    async write(progress, uri, domain, record) {
      const path = pathOf(uri, domain)
      const isEmpty = Object.keys(record.validated).length === 0 && !record.restartDue
      await progress.seam.effect({ kind: 'file.rename', object: path, mutates: true }, async () => {
        try {
          if (isEmpty) return await rm(path, { force: true })
          await mkdir(dirname(path), { recursive: true, mode: 0o700 })
          const incomplete = `${path}.${process.pid}`
          await writeFile(incomplete, `${JSON.stringify({ uri, domain, ...record }, undefined, 2)}\n`)
          await rename(incomplete, path)
        } catch (error) {
          throw notUsable(folder, error)
        }
      })
    },
  }
}

function parseRecord(text: string): TemplateRecord | undefined {
  try {
    const data: unknown = JSON.parse(text)
    if (data === null || typeof data !== 'object') return undefined
    const validated = 'validated' in data ? data.validated : undefined
    const entries = validated !== null && typeof validated === 'object' ? Object.entries(validated) : []
    return {
      validated: Object.fromEntries(entries.filter(([, identity]) => typeof identity === 'string')),
      restartDue: 'restartDue' in data && data.restartDue === true,
    }
  } catch {
    return undefined
  }
}

function notUsable(folder: string, cause: unknown): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '')) return cause
  return new ProvisionError('cache.full', {
    message: `There is no space left in ${folder} for what is known about templates.`,
    hint: 'Free space there, or set XDG_STATE_HOME to another folder.',
    cause,
  })
}
