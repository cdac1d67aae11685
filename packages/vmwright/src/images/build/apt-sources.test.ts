import { expect, it } from 'vitest'
import { chooseAptSources, chooseSubstitute } from './apt-sources.ts'

const bookworm = {
  distribution: 'debian',
  suite: 'bookworm',
  architecture: 'amd64',
  mirror: undefined,
} as const
const deb822 = {
  name: 'sources.list.d/debian.sources',
  content: `Types: deb
# a comment between fields
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://mirror.example/src
Suites: bookworm
Components: main
`,
}
const oneLine = {
  name: 'sources.list',
  content: `# deb http://off.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://list.example/debian bookworm main
deb http://list.example/debian-security bookworm-security main # daily
deb [signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.example/apt bookworm main
`,
}

it.each([
  [
    'the mirror asked for, alone',
    { ...bookworm, mirror: 'http://asked.example/debian/' },
    [deb822],
    ['deb http://asked.example/debian bookworm main'],
  ],
  [
    "the machine's own sources of the suite",
    bookworm,
    [deb822],
    [
      'deb http://mirror.example/debian bookworm main',
      'deb http://mirror.example/debian bookworm-updates main',
    ],
  ],
  [
    'the one-line format too, without what is signed by others',
    bookworm,
    [oneLine],
    [
      'deb http://list.example/debian bookworm main',
      'deb http://list.example/debian-security bookworm-security main',
    ],
  ],
  [
    'the public mirrors for a suite that the machine does not have',
    { ...bookworm, distribution: 'ubuntu', suite: 'noble' },
    [deb822],
    [
      'deb http://archive.ubuntu.com/ubuntu noble main universe',
      'deb http://archive.ubuntu.com/ubuntu noble-updates main universe',
      'deb http://security.ubuntu.com/ubuntu noble-security main universe',
    ],
  ],
  [
    "G7: the machine's sources for another architecture of Debian, whose mirrors have all",
    { ...bookworm, architecture: 'arm64' },
    [deb822],
    [
      'deb http://mirror.example/debian bookworm main',
      'deb http://mirror.example/debian bookworm-updates main',
    ],
  ],
  [
    'G7: the ports of Ubuntu for another architecture, whatever the machine has of its own',
    { ...bookworm, distribution: 'ubuntu', suite: 'noble', architecture: 'arm64' },
    [{ name: 'sources.list', content: 'deb http://archive.ubuntu.com/ubuntu noble main universe\n' }],
    [
      'deb http://ports.ubuntu.com/ubuntu-ports noble main universe',
      'deb http://ports.ubuntu.com/ubuntu-ports noble-updates main universe',
      'deb http://ports.ubuntu.com/ubuntu-ports noble-security main universe',
    ],
  ],
] as const)('X7: takes %s', (_what, spec, files, want) => {
  expect(chooseAptSources(spec, files)).toEqual(want)
})

const bundle = {
  name: '/bundle/sources.list',
  content: `deb [check-valid-until=no] copy:/bundle/apt bookworm main
deb [check-valid-until=no] copy:/bundle/apt bookworm-security main
deb [check-valid-until=no] copy:/bundle/apt trixie main
`,
}

it.each([
  ['with the lines of its suite, as they are', bookworm, bundle, bundle.content.split('\n').slice(0, 2)],
  ['never for another mirror', { ...bookworm, mirror: 'http://asked.example' }, bundle, undefined],
  ['not for a suite that it does not have', { ...bookworm, suite: 'forky' }, bundle, undefined],
  [
    'not when it has updates of the suite alone',
    bookworm,
    { ...bundle, content: bundle.content.split('\n')[1] ?? '' },
    undefined,
  ],
  ['not when there is none', bookworm, undefined, undefined],
])('T12: a bundle stands in for the sources %s', (_case, spec, file, want) =>
  expect(chooseSubstitute(spec, file)).toEqual(want),
)
