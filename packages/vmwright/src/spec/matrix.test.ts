import { describe, expect, it, test } from 'vitest'
import { narrow } from './narrow.ts'
import { loadSpec } from './load.ts'
import { formatProblem } from './problem.ts'
import { loadSound, problemLines, readerOf, withHead } from './testing/load.ts'

const platforms = 'platforms: { debian_12: { image: debian-12 }, ubuntu: { image: ubuntu-24.04 } }'
const matrix = (rest: string): string => withHead(`matrix: { ${platforms}, ${rest} }\n`)
const all = 'combine: { platforms: [debian_12, ubuntu], targets: [amd64, arm64] }'
const namesOf = async (...parameters: Parameters<typeof loadSound>) =>
  (await loadSound(...parameters)).instances.map(({ name }) => name)

describe('a matrix', () => {
  it('G7: makes an instance for each platform on each target, disposable and without a first snapshot', async () => {
    const { instances } = await loadSound(matrix(all))
    expect(
      instances.map(({ name, group, matrix: place, disposable, snapshot }) => [
        name,
        group,
        place,
        disposable,
        snapshot,
      ]),
    ).toEqual(
      ['debian_12', 'ubuntu'].flatMap((platform) =>
        ['amd64', 'arm64'].map((target) => [
          `${platform.replace('_', '-')}-${target}`,
          platform,
          { platform, target },
          true,
          undefined,
        ]),
      ),
    )
  })

  test.each([
    [
      `${all}, exclude: [{ platform: ubuntu, target: arm64 }]`,
      'debian-12-amd64 debian-12-arm64 ubuntu-amd64',
    ],
    [`${all}, exclude: [{ target: arm64 }]`, 'debian-12-amd64 ubuntu-amd64'],
    [
      `${all}, name: "{target}.{platform}"`.replace('.', '-'),
      'amd64-debian-12 arm64-debian-12 amd64-ubuntu arm64-ubuntu',
    ],
    [
      'combine: { platforms: [ubuntu, ubuntu], targets: [amd64, amd64] }, list: [{ platform: ubuntu, target: amd64 }]',
      'ubuntu-amd64',
    ],
    [
      'list: [{ platform: ubuntu, target: amd64, vcpus: 3 }, { platform: ubuntu, target: amd64, vcpus: 3 }]',
      'ubuntu-amd64',
    ],
    [
      'combine: { platforms: [ubuntu], targets: [amd64] }, list: [{ platform: ubuntu, target: amd64, name: big, vcpus: 8 }]',
      'ubuntu-amd64 big',
    ],
  ])('G7: %s gives %s', async (rest, names) => {
    expect((await namesOf(matrix(rest))).join(' ')).toBe(names)
  })

  /** Each level sets the memory of those that come after it in the list of names. */
  const levels = ['target', 'default', 'platform', 'entry'] as const
  test.each([
    [[], 3072],
    [['target'], 1101],
    [['target', 'default'], 1102],
    [['target', 'default', 'platform'], 1103],
    [['target', 'default', 'platform', 'entry'], 1104],
    [['target', 'entry'], 1104],
  ])('G7: of defaults and %j the last one wins', async (set, memoryMib) => {
    const own = (level: (typeof levels)[number]): string =>
      (set as readonly string[]).includes(level) ? `memory: ${1101 + levels.indexOf(level)}MiB` : ''
    const { instances } = await loadSound(
      withHead(`
defaults: { memory: 3GiB, image: debian-12 }
matrix:
  targets: { t: { ${own('target')} } }
  platforms: { default: { ${own('default')} }, p: { ${own('platform')} } }
  list: [{ platform: p, target: t, ${own('entry')} }]
`),
    )
    expect(instances[0]?.memoryMib).toBe(memoryMib)
  })

  it('G7: mappings are merged over all levels, from lifecycle of the file to the entry of the list', async () => {
    const { instances } = await loadSound(
      withHead(`
lifecycle: { variables: { file: 1, entry: 1 } }
defaults: { image: debian-12, lifecycle: { variables: { defaults: 2 } } }
matrix:
  targets: { amd64: { lifecycle: { variables: { target: 3 } } } }
  platforms:
    default: { lifecycle: { variables: { default: 4 }, phases: ./all } }
    p: { lifecycle: { variables: { platform: 5 }, phases: { main: [make] } } }
  list: [{ platform: p, target: amd64, lifecycle: { variables: { entry: 6 } } }]
`),
    )
    expect(instances[0]?.lifecycle).toMatchObject({
      variables: { file: 1, defaults: 2, target: 3, default: 4, platform: 5, entry: 6 },
      phasesFolder: '/specs/all',
      phases: { main: [{ command: 'make' }] },
    })
  })

  test.each([
    ['image: debian-13', { kind: 'image', id: 'debian-13' }],
    ['template: gold', { kind: 'template', id: 'gold' }],
  ])('G7: %s of an entry takes effect, also on a pair that is combined', async (setting, source) => {
    const { instances } = await loadSound(
      withHead(`templates: { gold: { domain: golden } }
matrix:
  ${platforms}
  combine: { platforms: [debian_12], targets: [amd64, arm64] }
  list: [{ platform: debian_12, target: amd64, ${setting} }]
`),
    )
    expect(instances.map((instance) => instance.source)).toMatchObject([source, { id: 'debian-12.aarch64' }])
  })

  test.each([
    ['amd64', { architecture: 'x86_64', model: undefined }, 'q35', 'uefi', 'debian-12'],
    ['arm', { architecture: 'armv7l', model: undefined }, 'virt', 'uefi', 'ubuntu-24.04.armv7l'],
    ['arm64', { architecture: 'aarch64', model: undefined }, 'virt', 'uefi', 'debian-12.aarch64'],
    ['ppc64', { architecture: 'ppc64le', model: undefined }, 'pseries', 'bios', 'debian-12.ppc64le'],
  ])(
    'G7: the built-in target %s is %j on %s with %s',
    async (target, processor, machine, firmware, image) => {
      const { instances } = await loadSound(
        matrix(
          `list: [{ platform: ${image.includes('ubuntu') ? 'ubuntu' : 'debian_12'}, target: ${target} }]`,
        ),
      )
      expect(instances).toMatchObject([{ processor, machine, firmware, source: { id: image } }])
    },
  )

  it('G7: an entry of the name of a built-in target lies over it', async () => {
    const { instances } = await loadSound(
      matrix(
        'targets: { arm64: { cpu: cortex-a53, vcpus: 8 } }, list: [{ platform: ubuntu, target: arm64 }]',
      ),
    )
    expect(instances).toMatchObject([
      { vcpus: 8, processor: { architecture: 'aarch64', model: 'cortex-a53' }, machine: 'virt' },
    ])
  })

  it('G7: a part is named by platform, target or name', async () => {
    const spec = await loadSound(matrix(all))
    const left = (...names: string[]) => narrow(spec, names).instances.map(({ name }) => name)
    expect(left('ubuntu')).toEqual(['ubuntu-amd64', 'ubuntu-arm64'])
    expect(left('arm64')).toEqual(['debian-12-arm64', 'ubuntu-arm64'])
    expect(left('ubuntu-arm64')).toEqual(['ubuntu-arm64'])
  })
})

test.each([
  [
    'combine: { platforms: [debain_12], targets: [amd64] }',
    'matrix.combine.platforms[0]: there is no platform of this name (Did you mean `debian_12`? There are: debian_12, ubuntu.)',
  ],
  [
    'combine: { platforms: [ubuntu], targets: [arm46] }',
    'matrix.combine.targets[0]: there is no target of this name (Did you mean `arm64`? There are: amd64, arm, arm64, ppc64.)',
  ],
  ['list: [{ platform: ubuntu, target: x }]', 'matrix.list[0].target: there is no target of this name'],
  ['list: [{ platform: ubuntu }]', 'matrix.list[0].target: is missing'],
  ['name: x', 'matrix: has no instances'],
  [`${all}, exclude: [{}]`, 'matrix.exclude[0]: leaves out everything'],
  [
    `${all}, exclude: [{ target: arm }]`,
    'matrix.exclude[0].target: is not a target of `combine` (There are: amd64, arm64.)',
  ],
  [
    `${all}, name: "{platform}"`,
    'matrix.combine.platforms[0]: gives the name debian-12, which debian_12 on amd64 has',
  ],
  [
    'list: [{ platform: ubuntu, target: amd64, vcpus: 1 }, { platform: ubuntu, target: amd64, vcpus: 2 }]',
    'matrix.list[1]: is ubuntu-amd64 once more, with other settings',
  ],
  [`${all}, targets: { amd64: { vcpu: 1 } }`, 'matrix.targets.amd64.vcpu: is not a field of the spec'],
  [
    'list: [{ platform: ubuntu, target: amd64, memory: 64MiB }]',
    'matrix.list[0].memory: is less than 128MiB',
  ],
  [
    'list: [{ platform: ubuntu, target: amd64, address: 192.168.1.9 }]',
    'matrix.list[0].address: must be an address with prefix length',
  ],
])('G7: %s is told with its place and a way out', async (rest, line) => {
  expect((await problemLines(matrix(rest))).join('\n')).toContain(line)
})

test.each([
  [
    'matrix: { platforms: { p: {} }, list: [{ platform: p, target: amd64 }] }\n',
    '3:24: matrix.platforms.p: needs an `image`',
  ],
  [
    'instances: { p-amd64: { image: debian-12 } }\nmatrix: { platforms: { p: { image: debian-12 } }, list: [{ platform: p, target: amd64 }] }\n',
    'matrix.list[0]: the name p-amd64 is used twice (The group `p-amd64` has it too.)',
  ],
])('G7: a matrix has the rules of all instances: %s', async (text, line) => {
  expect((await problemLines(withHead(text))).join('\n')).toContain(line)
})

describe('the folder of a matrix', () => {
  const text = withHead(
    'variables: { setup: setup_vm, size: 3GiB }\nmatrix:\n  folder: ${setup}\n  platforms: { b: { vcpus: 4 } }\n  combine: { platforms: [a, b], targets: [x, arm64] }\n  list: [{ platform: a, target: amd64 }]\n',
  )
  const files = {
    '/specs/setup_vm/platforms/default.yaml': 'image: debian-12\nmemory: ${size}\n',
    '/specs/setup_vm/platforms/b.yml': 'vcpus: 3\nimage: debian-13\nlifecycle: { phases: ./p }\n',
    '/specs/setup_vm/targets/default.yml': 'machine: pc\n',
    '/specs/setup_vm/targets/arm64.yaml': 'cpu: max\n',
  }

  it('G7: has files of platforms and targets; `default` stands for those that are nowhere else, and the spec wins', async () => {
    const { instances } = await loadSound(text, files)
    expect(
      instances.map(({ name, source, memoryMib, vcpus, machine, processor, lifecycle }) => [
        name,
        source.id,
        memoryMib,
        vcpus,
        machine,
        processor?.model,
        lifecycle.phasesFolder,
      ]),
    ).toEqual([
      ['a-x', 'debian-12', 3072, 2, 'pc', undefined, undefined],
      ['a-arm64', 'debian-12.aarch64', 3072, 2, 'virt', 'max', undefined],
      ['b-x', 'debian-13', 3072, 4, 'pc', undefined, '/specs/setup_vm/platforms/p'],
      ['b-arm64', 'debian-13.aarch64', 3072, 4, 'virt', 'max', '/specs/setup_vm/platforms/p'],
      ['a-amd64', 'debian-12', 3072, 2, 'q35', undefined, undefined],
    ])
  })

  test.each([
    [
      'platforms/b.yml',
      'vcpsu: 3\n',
      'setup_vm/platforms/b.yml:1:1: matrix.platforms.b.vcpsu: is not a field',
    ],
    ['platforms/b.yml', '- a\n', 'setup_vm/platforms/b.yml:1:1: must be a mapping'],
    ['platforms/b.yml', 'a: [\n', 'setup_vm/platforms/b.yml:'],
    ['targets/arm64.yaml', 'memory: ${sise}\n', 'uses the variable `sise`, which is not declared'],
  ])('G7: a fault of %s is told in it: %j', async (path, content, line) => {
    const lines = await problemLines(text, { ...files, [`/specs/setup_vm/${path}`]: content })
    expect(lines.join('\n')).toContain(line)
  })

  it('G7: a name without a file, where there is no `default`, is told', async () => {
    const some = { '/specs/setup_vm/platforms/b.yml': 'image: debian-12\n' }
    expect((await problemLines(text, some)).join('\n')).toContain(
      'matrix.combine.platforms[0]: there is no platform of this name (Did you mean `b`?',
    )
  })

  it('G7: a folder without any of the files is told once at its name', async () => {
    expect((await problemLines(text, {})).join('\n')).toContain(
      'vmwright.yaml:5:11: matrix.folder: has no file of a platform or target that is wanted (They are looked up as setup_vm/platforms/NAME.yaml',
    )
  })

  it('G7: names that lead out of the folder are not read', async () => {
    const asked: string[] = []
    const reader = readerOf({
      '/specs/vmwright.yaml': text.replace('[a, b]', '["../a", b, "/etc/x"]'),
      ...files,
    })
    const { problems } = await loadSpec(
      { readText: (path) => (asked.push(path), reader.readText(path)) },
      'vmwright.yaml',
      { variables: {}, homeDirectory: '/home/me', currentDirectory: '/specs' },
    )
    expect(problems.map(formatProblem).join('\n')).toContain(
      'matrix.combine.platforms[0]: is not a usable name',
    )
    expect(
      asked.filter((path) => !/^\/specs\/(vmwright|setup_vm\/[a-z]+\/[a-z0-9]+)\.ya?ml$/.test(path)),
    ).toEqual([])
  })
})
