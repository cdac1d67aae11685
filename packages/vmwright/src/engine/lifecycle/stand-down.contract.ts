import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { standDownScript } from './stand-down.ts'

const run = promisify(execFile)
const marker = 'etc/cloud/cloud-init.disabled'
const perBoot = 'var/lib/cloud/scripts/per-boot'

/** As cloud-init 22.4 writes it. */
const result = (errors: readonly string[], dataSource = 'DataSourceNoCloud [seed=/dev/sr0][dsmode=local]') =>
  JSON.stringify({ v1: { datasource: dataSource, errors } }, undefined, 1)

describe('the script by which cloud-init stands down', () => {
  let root: string

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'vmwright-stand-down-'))
    await mkdir(join(root, 'etc/cloud'), { recursive: true })
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
  }
  const standDown = async (): Promise<'stands down' | 'goes on'> => {
    const ended = run('sh', ['-e', '-c', standDownScript, 'sh', root, 'because'])
    const isDone = await ended.then(
      () => true,
      () => false,
    )
    return isDone ? 'stands down' : 'goes on'
  }

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['it has ended well', { 'run/cloud-init/result.json': result([]) }, 'stands down'],
    [
      'it has ended well, and its folder of scripts for each boot is empty',
      { 'run/cloud-init/result.json': result([]), [`${perBoot}/../per-once/a`]: '' },
      'stands down',
    ],
    ['it has ended with an error', { 'run/cloud-init/result.json': result(["('scripts', Oh)"]) }, 'goes on'],
    ['it has not ended', {}, 'goes on'],
    [
      'somebody else told it what to do',
      { 'run/cloud-init/result.json': result([], 'DataSourceEc2Local') },
      'goes on',
    ],
    [
      'there is a script for each boot',
      { 'run/cloud-init/result.json': result([]), [`${perBoot}/greet.sh`]: '#!/bin/sh\n' },
      'goes on',
    ],
  ])('G2: where %s', async (_, files, wanted) => {
    await write(files)
    expect(await standDown()).toBe(wanted)
    const said = await readFile(join(root, marker), 'utf8').catch(() => 'nothing')
    expect(said).toBe(wanted === 'stands down' ? 'because\n' : 'nothing')
  })

  it('G2: leaves a guest alone in which it stands down already', async () => {
    await write({ [marker]: 'somebody wanted it so\n' })
    expect(await standDown()).toBe('stands down')
    expect(await readFile(join(root, marker), 'utf8')).toBe('somebody wanted it so\n')
  })
})
