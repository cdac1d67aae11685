import { expect, it } from 'vitest'
import { Secret } from '../lib/secret.ts'
import { hashPassword, sha512Crypt } from './password.ts'

// The vectors at the end of "Unix crypt using SHA-256 and SHA-512", except those with many rounds.
it.each([
  [
    'Hello world!',
    'saltstring',
    undefined,
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'Hello world!',
    'saltstringsaltstring',
    10_000,
    '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    'This is just a test',
    'toolongsaltstring',
    5000,
    '$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0',
  ],
  [
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
    'anotherlongsaltstring',
    1400,
    '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
  ],
])('C7: %j with salt %j and %s rounds', (password, salt, rounds, want) => {
  expect(sha512Crypt(password, salt, rounds)).toBe(want)
})

it('C7: a salt of sixteen characters is made from the random bytes', () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, index) => index * 21)
  const hash = hashPassword(new Secret('changeme'), bytes)
  expect(hash).toMatch(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/)
  expect(hashPassword(new Secret('changeme'), bytes)).toBe(hash)
  expect(hashPassword(new Secret('changeme'), bytes.with(11, 1))).not.toBe(hash)
})

it('too few random bytes are refused', () => {
  expect(() => hashPassword(new Secret('x'), new Uint8Array(11))).toThrow(RangeError)
})
