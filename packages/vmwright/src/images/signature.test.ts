import { describe, expect, it } from 'vitest'
import { judgeStatus } from './signature.ts'

const print = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81'
const good = `[GNUPG:] GOODSIG 1A5D6C4C7DB87C81 Publisher\n`
const valid = `[GNUPG:] VALIDSIG 0123456789ABCDEF0123456789ABCDEF01234567 2024-07-17 1721174400 0 4 0 1 10 00 ${print}\n`
const newsig = '[GNUPG:] NEWSIG\n'

describe('the verdict on a signature', () => {
  it.each<[string, string, object]>([
    ['a good one', newsig + good + valid, { kind: 'valid', fingerprint: print }],
    ['a good one from a gpgv without NEWSIG', good + valid, { kind: 'valid', fingerprint: print }],
    [
      'a good one beside one of an unknown key',
      `${newsig}[GNUPG:] ERRSIG 00 1 10 00 0 9\n[GNUPG:] NO_PUBKEY 00\n${newsig}${good}${valid}`,
      { kind: 'valid', fingerprint: print },
    ],
    [
      'an expired key, which gpgv calls valid',
      `${newsig}[GNUPG:] EXPKEYSIG 1A5D Publisher\n${valid}`,
      { kind: 'invalid', reason: 'its key has expired' },
    ],
    [
      'a revoked key, which gpgv calls valid',
      `${newsig}[GNUPG:] REVKEYSIG 1A5D Publisher\n${valid}`,
      { kind: 'invalid', reason: 'its key is revoked' },
    ],
    [
      'an expired one',
      `${newsig}[GNUPG:] EXPSIG 1A5D P\n${valid}`,
      { kind: 'invalid', reason: 'it has expired' },
    ],
    [
      'a wrong one',
      `${newsig}[GNUPG:] BADSIG 1A5D P\n`,
      { kind: 'invalid', reason: 'it is not over this content' },
    ],
    [
      'a wrong one beside a good one',
      `${newsig}${good}${valid}${newsig}[GNUPG:] BADSIG 1A5D P\n`,
      { kind: 'invalid', reason: 'it is not over this content' },
    ],
    [
      'an unknown key',
      `${newsig}[GNUPG:] ERRSIG 00 1 10 00 0 9\n[GNUPG:] NO_PUBKEY 00\n`,
      { kind: 'invalid', reason: 'its key is not in the key ring' },
    ],
    ['GOODSIG without VALIDSIG', newsig + good, { kind: 'invalid', reason: 'there is none' }],
    ['VALIDSIG without GOODSIG', newsig + valid, { kind: 'invalid', reason: 'there is none' }],
    [
      'words that gpgv did not write',
      `gpgv: ${good}${valid.slice(1)}`,
      { kind: 'invalid', reason: 'there is none' },
    ],
    ['nothing', '', { kind: 'invalid', reason: 'there is none' }],
  ])('%s', (_name, status, verdict) => {
    expect(judgeStatus(status)).toEqual(verdict)
  })
})
