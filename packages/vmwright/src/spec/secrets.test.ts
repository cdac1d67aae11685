import { inspect } from 'node:util'
import { expect, it, test } from 'vitest'
import { load, loadSound, problemLines, withHead } from './testing/load.ts'

const canary = 'c4nary-Zq8'
const user = (lines: string): string =>
  withHead(`instances:\n  web:\n    image: debian-12\n    cloudInit:\n      user:\n        ${lines}\n`)

test.each([
  ['a literal', user(`password: ${canary}`)],
  ['a key in its place', user(`password: { ${canary}: x }`)],
  ['a list in its place', user(`password: [${canary}]`)],
  ['an unknown key beside env', user(`password: { env: X, ${canary}: 1 }`)],
  ['a hash that is none', user(`hashedPassword: ${canary}`)],
  ['an unclosed quote', user(`password: "${canary}`)],
  ['a bad escape', user(`password: "${canary}\\q"`)],
  ['a tab', user(`password: x\n\t${canary}: y`)],
  ['a missing space', user(`password:${canary}`)],
  ['text after a quote', user(`password: "a" ${canary}`)],
  ['a tag', user(`password: !${canary} x`)],
  ['a bad reserved sign', user(`password: @${canary}`)],
  ['an alias', user(`password: *${canary}`)],
  ['a NUL', user(`password: ${canary}\0`)],
  ['a wrong type beside it', user(`password: ${canary}\n        groups: 7`)],
  ['a private key', user(`sshKeys: ["-----BEGIN OPENSSH PRIVATE KEY----- ${canary}"]`)],
  [
    'a root password of wrong form',
    withHead(`defaults: { cloudInit: { rootPassword: { fil: ${canary} } } }\n`),
  ],
  [
    'a key in the place of the login of a host',
    withHead(`hosts: { a: { uri: "hyperv://a", login: { user: me, password: { ${canary}: x } } } }\n`),
  ],
  [
    'a list in the place of the password of a domain',
    withHead(`defaults: { domainJoin: { domain: ad, user: me, password: [${canary}] } }\n`),
  ],
])('%s: the secret is in no problem and not in the spec as printed', async (_what, text) => {
  const loaded = await load(text)
  expect(loaded.problems.length).toBeGreaterThan(0)
  expect((await problemLines(text)).join('\n')).not.toContain(canary)
  expect(`${JSON.stringify(loaded)}${inspect(loaded, { depth: 20 })}`).not.toContain(canary)
})

it('C7: a secret in clear is accepted with a warning, and a reference is not read', async () => {
  const literal = await load(user(`password: ${canary}`))
  const ref = literal.spec?.instances[0]?.cloudInit.user.password
  expect(ref?.kind === 'literal' && ref.value.reveal()).toBe(canary)
  expect(literal.problems).toMatchObject([{ severity: 'warning', line: 8, column: 19 }])
  const file = await load(user('password: { file: secrets/vm }'))
  expect(file.spec?.instances[0]?.cloudInit.user).toMatchObject({
    password: { kind: 'file', path: '/specs/secrets/vm' },
    sudo: 'ALL=(ALL) ALL',
  })
})

it('C7: a kind of password in a stronger layer replaces the other kind', async () => {
  const { spec, problems } = await load(
    withHead(
      'defaults: { cloudInit: { user: { password: { env: A } } } }\ninstances: { web: { image: debian-12, cloudInit: { user: { hashedPassword: { env: B } } } } }\n',
    ),
  )
  expect(problems).toEqual([])
  expect(spec?.instances[0]?.cloudInit.user).toMatchObject({
    password: undefined,
    hashedPassword: { kind: 'env', name: 'B' },
  })
})

it('C7: a reference in a stronger layer replaces one of another kind', async () => {
  const password = async (weak: string, strong: string) =>
    (
      await loadSound(
        withHead(
          `defaults: { cloudInit: { user: { password: ${weak} } } }\ninstances: { web: { image: debian-12, cloudInit: { user: { password: ${strong} } } } }\n`,
        ),
      )
    ).instances[0]?.cloudInit.user.password
  expect(await password('{ env: A }', '{ file: /b }')).toEqual({ kind: 'file', path: '/b' })
  expect(await password('{ file: /b }', '{ env: A }')).toEqual({ kind: 'env', name: 'A' })

  const included = { '/specs/a.yaml': 'defaults: { cloudInit: { user: { password: { env: A } } } }\n' }
  const own =
    'include: [a.yaml]\ndefaults: { image: debian-12, cloudInit: { user: { password: { file: /b } } } }\ninstances: { web: {} }\n'
  expect((await loadSound(withHead(own), included)).instances[0]?.cloudInit.user.password).toEqual({
    kind: 'file',
    path: '/b',
  })
})
