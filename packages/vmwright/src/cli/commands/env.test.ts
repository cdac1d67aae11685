import { expect, it } from 'vitest'
import type { GuestLogin } from '../../guest/access.ts'
import { addressVariables, withoutEarlier } from './env.ts'
import { inventoryScript } from './inventory.ts'

const guest = (name: string, ...addresses: readonly string[]): GuestLogin => ({
  name,
  addresses,
  port: 22,
  user: 'debian',
  hostKeys: [],
  identityFile: undefined,
  group: 'web',
  host: 'rack1',
  domains: {},
})

it('K9: names the address of each guest, unless two have one name for the shell', () => {
  const guests = [
    guest('web-1', '10.0.0.1', 'fd00::1'),
    guest('db', '10.0.0.2'),
    guest('Db', '10.0.0.3'),
    guest('off'),
  ]
  expect(addressVariables(guests)).toEqual({ VMWRIGHT_ADDRESS_WEB_1: '10.0.0.1' })
})

it('K9: takes away what an earlier call set and is no longer there', () => {
  const environment = { VMWRIGHT_ENV: 'VMWRIGHT_ADDRESS_WEB_1 VMWRIGHT_ADDRESS_WEB_2 ANSIBLE_INVENTORY' }
  const set = { VMWRIGHT_ADDRESS_WEB_1: '10.0.0.1' }
  expect(withoutEarlier(environment, set)).toEqual({
    VMWRIGHT_ADDRESS_WEB_1: '10.0.0.1',
    VMWRIGHT_ADDRESS_WEB_2: undefined,
    ANSIBLE_INVENTORY: undefined,
    VMWRIGHT_ENV: 'VMWRIGHT_ADDRESS_WEB_1',
  })
})

it('K9: takes nothing away that is not its own, whatever the environment says', () => {
  expect(withoutEarlier({ VMWRIGHT_ENV: 'PATH;id HOME $(id) VMWRIGHT_PROJECT' }, {})).toEqual({
    VMWRIGHT_PROJECT: undefined,
    VMWRIGHT_ENV: undefined,
  })
})

it('K9: an inventory script has the spec by its full path, and variables as they were given', () => {
  const context = { currentDirectory: '/srv/my lab', environment: {} }
  const options = { file: 'lab.yaml', var: { owner: "it's $me" }, varFile: 'vars.yaml' }
  expect(inventoryScript(context, options)).toBe(
    `#!/bin/sh\nexec 'vmwright' 'inventory' '-f' '/srv/my lab/lab.yaml' '--var-file' '/srv/my lab/vars.yaml' '--var' 'owner=it'\\''s $me' "$@"\n`,
  )
})
