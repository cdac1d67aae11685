import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const tsc = join(root, 'node_modules/.bin/tsc')

/** A stranger's folder with what is published: each package's package.json and its own build, no sources. */
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmwright-packages-'))
  for (const name of ['contract', 'libvirt']) {
    const source = join(root, 'packages', name)
    const target = join(folder, 'node_modules/@vmwright', name)
    await mkdir(target, { recursive: true })
    await cp(join(source, 'package.json'), join(target, 'package.json'))
    await run(tsc, ['-p', join(source, 'tsconfig.build.json'), '--outDir', join(target, 'dist')])
  }
  for (const name of ['zod', '@types', 'undici-types'])
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const program = `
import { errorCatalogue } from '@vmwright/contract'
import { calls, openLibvirt } from '@vmwright/libvirt'
import { FakeDaemon } from '@vmwright/libvirt/testing'

await using daemon = new FakeDaemon().handle(calls.connectGetHostname, () => ({ hostname: 'far' }))
const libvirt = await openLibvirt('qemu:///system', { dial: daemon.dial })
const { hostname }: { readonly hostname: string } = await libvirt.call(calls.connectGetHostname, {})
await libvirt.close()
console.log(hostname, typeof errorCatalogue)
`

describe('the packages as they are published', () => {
  it('work in plain Node, without the sources', async () => {
    await writeFile(join(folder, 'program.ts'), program)
    const { stdout } = await run(process.execPath, ['program.ts'], { cwd: folder, env: {} })
    expect(stdout).toBe('far object\n')
  })

  it('bring types that hold a caller to the schemas', async () => {
    await writeFile(join(folder, 'program.ts'), program)
    await writeFile(
      join(folder, 'wrong.ts'),
      program.replace('readonly hostname: string', 'readonly hostname: number'),
    )
    const check = (file: string) =>
      run(
        tsc,
        [
          '--noEmit',
          '--strict',
          '--module',
          'nodenext',
          '--target',
          'es2024',
          '--lib',
          'es2024,esnext.disposable',
          '--types',
          'node',
          file,
        ],
        { cwd: folder },
      ).then(
        () => '',
        (error: { stdout: string }) => error.stdout,
      )
    expect(await check('program.ts')).toBe('')
    expect(await check('wrong.ts')).toMatch(
      /^wrong\.ts\(8,\d+\): error TS2322[^]*'string' is not assignable to type 'number'/,
    )
  })
})
