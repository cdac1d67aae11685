import { expect, it } from 'vitest'
import { guestArchitectures, versionText } from './capabilities.ts'

it.each([
  [7_002_022n, '7.2.22'],
  [9_000_000n, '9.0.0'],
  [10_002_001n, '10.2.1'],
])('reads the version %s as %s', (version, text) => expect(versionText(version)).toBe(text))

it('G7: the architectures of guests are those that libvirt lists, each once', () => {
  const guest = (arch: string): string => `<guest><os_type>hvm</os_type><arch name='${arch}'/></guest>`
  const xml = `<capabilities><host/>${['x86_64', 'aarch64', 'x86_64'].map(guest).join('')}</capabilities>`
  expect(guestArchitectures(xml)).toEqual(['aarch64', 'x86_64'])
})
