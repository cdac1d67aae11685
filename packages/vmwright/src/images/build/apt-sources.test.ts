import { expect, it } from 'vitest'
import { chooseAptSources } from './apt-sources.ts'

const bookworm = { distribution: 'debian', suite: 'bookworm', mirror: undefined } as const
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
] as const)('X7: takes %s', (_what, spec, files, want) => {
  expect(chooseAptSources(spec, files)).toEqual(want)
})
