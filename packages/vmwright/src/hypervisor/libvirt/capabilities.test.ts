import { expect, it } from 'vitest'
import { versionText } from './capabilities.ts'

it.each([
  [7_002_022n, '7.2.22'],
  [9_000_000n, '9.0.0'],
  [10_002_001n, '10.2.1'],
])('reads the version %s as %s', (version, text) => expect(versionText(version)).toBe(text))
