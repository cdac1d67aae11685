import { expect, it } from 'vitest'
import { loadSound, problemLines, withHead, withInstance } from './testing/load.ts'

it('X1: tells all problems at once, in the order of the text', async () => {
  const lines = await problemLines(
    withHead(
      'hots: {}\ndefaults: { memory: 2 }\ninstances:\n  web: { image: nope, seedBus: ide, vcpus: -1 }\n',
    ),
  )
  expect(lines.map((line) => line.split(': ', 2).join(': '))).toEqual([
    'vmwright.yaml:3:1: hots',
    'vmwright.yaml:4:21: defaults.memory',
    'vmwright.yaml:6:17: instances.web.image',
    'vmwright.yaml:6:32: instances.web.seedBus',
    'vmwright.yaml:6:44: instances.web.vcpus',
  ])
})

it('tells a fault in defaults once, however many instances have it', async () => {
  const lines = await problemLines(
    withHead('defaults: { image: debian-12, seedBus: ide }\ninstances: { web: { count: 50 } }\n'),
  )
  expect(lines).toHaveLength(1)
})

it('names the position in the text when an item before it is faulty too', async () => {
  const disks = 'extraDisks: [{ size: 1, device: vdb }, { size: 1GiB, mount: { path: /var } }]'
  const lines = await problemLines(withInstance(disks))
  expect(lines.map((line) => line.split(': ')[1])).toEqual([
    'instances.web.extraDisks[0].size',
    'instances.web.extraDisks[1].mount.path',
  ])
})

it('C9: cuts the label of a disk so that the device stays in it', async () => {
  const spec = await loadSound(
    withHead(
      'instances: { a-name-of-many-letters: { image: debian-12, extraDisks: [{ size: 1GiB, mount: { path: /a } }, { size: 1GiB, mount: { path: /b, filesystem: xfs } }] } }\n',
    ),
  )
  expect(spec.instances[0]?.extraDisks).toMatchObject([
    { device: 'vdb', mount: { label: 'a-name-of-ma-vdb', filesystem: 'ext4', options: 'defaults,nofail' } },
    { device: 'vdc', mount: { label: 'a-name-o-vdc' } },
  ])
})
