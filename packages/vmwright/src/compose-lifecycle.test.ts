import { parseUri } from '@vmwright/libvirt'
import { expect, test } from 'vitest'
import { nestedUri } from './compose-lifecycle.ts'
import { hostSpec } from './testing/specs.ts'

const files = { identityFile: '/keys/id', knownHosts: '/keys/known' }
const keys = 'keyfile=%2Fkeys%2Fid&known_hosts=%2Fkeys%2Fknown'

test.each([
  ['qemu+ssh://hv/system', '10.0.0.5', 22, `qemu+ssh://debian@10.0.0.5/system?${keys}`],
  ['qemu+ssh://root@hv/system', '10.0.0.5', 2222, `qemu+ssh://root@10.0.0.5:2222/system?${keys}`],
  ['qemu+ssh://hv/system', 'fd00::5', 22, `qemu+ssh://debian@[fd00::5]/system?${keys}`],
  [
    'qemu+ssh://hv/system?keyfile=/own&known_hosts=/own.hosts',
    '10.0.0.5',
    22,
    'qemu+ssh://debian@10.0.0.5/system?keyfile=/own&known_hosts=/own.hosts',
  ],
])('G9: %s of a guest at %s, port %i', (declared, address, port, wanted) => {
  expect(nestedUri(declared, { user: 'debian', addresses: [address], port, outer: hostSpec() }, files)).toBe(
    wanted,
  )
})

test.each([
  ['qemu+ssh://rack1/system', 'rack1'],
  ['qemu+ssh://root@rack1:2222/system?jump=me@gate', 'me@gate,root@rack1:2222'],
])('G9: a guest of %s is reached by way of %s', (outer, jump) => {
  const login = { user: 'debian', addresses: ['10.0.0.5'], port: 22, outer: hostSpec({ uri: outer }) }
  const uri = nestedUri('qemu+ssh://hv/system', login, files)
  expect(parseUri(uri).route).toMatchObject({ host: '10.0.0.5', jump })
})
