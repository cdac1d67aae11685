import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jsonRun } from '../support/program.ts'
import { sweep } from '../support/sweep.ts'
import { openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/** A guest that boots and answers, but whose own commands fail. */
const virsh = openVirsh('qemu:///system')
const prefix = 'vmwright-failing-'
const name = `${prefix}guest`
let space: Workspace

beforeAll(async () => {
  await sweep(virsh, prefix)
  space = await openWorkspace('failing')
  await space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-failing',
    hosts: { local: { acceleration: 'emulate' } },
    pools: { here: { path: join(space.folder, 'pool'), name: `${prefix}pool` } },
    defaults: { image: 'debian-12', memory: '640MiB', firmware: 'bios', snapshot: false },
    instances: { [name]: { cloudInit: { packageUpdate: false, runcmd: [['/opt/missing/setup', '--now']] } } },
  })
})
afterAll(async () => {
  await sweep(virsh, prefix)
  await space?.[Symbol.asyncDispose]()
})

it('C17, C18: an error of cloud-init is told with its line, its log and the command to read more', async () => {
  const ended = await space.vmwright(['apply', '--json'])
  expect(ended.code).toBe(1)
  const { events, result } = jsonRun(ended)
  const error = events.flatMap((event) => (event.kind === 'step-failed' ? [event.error] : []))[0]
  expect(error).toMatchObject({
    code: 'guest.cloud-init-failed',
    message: expect.stringMatching(/scripts.user/),
    hint: expect.stringContaining(`vmwright ssh ${name}`),
    details: {
      state: 'running',
      rung: 'cloud-init',
      cloudInitLog: expect.arrayContaining([expect.stringContaining('scripts-user')]),
      console: expect.any(Array),
    },
  })
  expect(result.instances).toMatchObject([{ name, state: 'running', provision: 'created' }])
  const log = await space.vmwright(['ssh', name, '--', 'sudo', 'cat', '/var/log/cloud-init-output.log'])
  expect(log.stdout).toContain('/opt/missing/setup')
})
