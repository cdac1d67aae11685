import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { importCommand, type ImportOptions } from './import.ts'

const canary = 'c4nary-Zq8'
const vars = `kvm_hypervisor_host: rack1
kvm_default_cloud_init_plain_password: ${canary}
kvm_cloud_image_catalog: { debian-12: { cloud_init_user: debian } }
kvm_instance_definitions:
  - { instance_name: a, image_profile_id: debian-12, instance_ipv4_address: 192.168.122.5, vcpu_count: 1, memory_mb: 512 }
`

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmwright-import-'))
  writeFileSync(join(folder, 'vars.yml'), vars)
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(paths: readonly string[], options: Partial<ImportOptions> = {}) {
  const written = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) })
  const context = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: {},
    currentDirectory: folder,
    homeDirectory: folder,
    // The command uses no more than this as long as no host is asked.
  } as unknown as CliContext
  const defaults = { force: false, check: false, detailedExitcode: false, json: false }
  const code = await importCommand(context, paths, { ...defaults, ...options })
  return { ...written, code }
}

it('X5: prints the spec alone to stdout, and what is to be said of it to stderr', async () => {
  const { stdout, stderr, code } = await run(['vars.yml'])
  expect(code).toBe(exitCode.done)
  expect(stdout).toMatch(/^# Made by `vmwright import`/)
  expect(stderr).toMatch(/^cloud images on KVM: 1 file, \d+ settings taken, 0 questions/)
  expect(stderr).toContain('export VM_PASSWORD')
  expect(stdout + stderr).not.toContain(canary)
})

it('X5: writes a new file, and replaces one only when told to', async () => {
  const first = await run(['vars.yml'], { output: 'vmwright.yaml' })
  expect(first).toMatchObject({ stdout: '', code: exitCode.done })
  const text = readFileSync(join(folder, 'vmwright.yaml'), 'utf8')
  expect(text).toContain('image: debian-12')
  writeFileSync(join(folder, 'vmwright.yaml'), 'mine')
  const second = await run(['vars.yml'], { output: 'vmwright.yaml' })
  expect(second.code).toBe(exitCode.usage)
  expect(readFileSync(join(folder, 'vmwright.yaml'), 'utf8')).toBe('mine')
  await run(['vars.yml'], { output: 'vmwright.yaml', force: true })
  expect(readFileSync(join(folder, 'vmwright.yaml'), 'utf8')).toBe(text)
})

it('X5: --json gives system, notes, spec and problems', async () => {
  const { stdout, code } = await run(['vars.yml'], { json: true })
  expect(code).toBe(exitCode.done)
  expect(JSON.parse(stdout)).toMatchObject({
    system: { id: 'cloud-images' },
    files: ['vars.yml'],
    spec: expect.stringContaining('version: 1') as string,
    problems: [],
  })
})

it('X5: a spec that still has problems is given all the same, with the place and exit code 4', async () => {
  writeFileSync(join(folder, 'vars.yml'), vars.replace('image_profile_id', 'profile'))
  const { stdout, stderr, code } = await run(['vars.yml'])
  expect(code).toBe(exitCode.specInvalid)
  expect(stdout).toContain('# QUESTION image: image_profile_id is not set')
  expect(stderr).toMatch(/imported\.yaml:\d+:\d+: instances\.a/)
})

it('X5: a file that is not there, or is of no known system, is an error', async () => {
  expect(await run(['nowhere.yml'])).toMatchObject({ stdout: '', code: exitCode.failed })
  writeFileSync(join(folder, 'other.yml'), 'color: blue\n')
  const { stderr } = await run(['other.yml'])
  expect(stderr).toContain('import.unrecognised')
})
