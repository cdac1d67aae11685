import { isAbsolute, resolve } from 'node:path'
import { ProvisionError } from '../lib/errors.ts'
import { runProgram } from '../lib/process.ts'
import type { Progress } from '../lib/progress.ts'

/**
 * Checks a detached OpenPGP signature over `data` with gpgv and the keys of `keyring` alone; returns the
 * fingerprint of the primary key that made it. The verdict is gpgv's status lines, not its exit code. Throws
 * `image.signature-invalid`, also for expired and revoked keys.
 */
export async function verifySignature(
  progress: Progress,
  data: Uint8Array,
  files: { readonly signature: string; readonly keyring: string },
): Promise<string> {
  const { signature } = files
  // A name without a slash would be looked up in the user's own key store.
  const keyring = isAbsolute(files.keyring) ? files.keyring : resolve(files.keyring)
  const args = ['--status-fd', '1', '--keyring', keyring, '--', signature, '-']
  const result = await progress.seam.effect({ kind: 'process.gpgv', object: signature, mutates: false }, () =>
    runProgram('gpgv', args, { input: data, signal: progress.signal, env: { LC_ALL: 'C' } }),
  )
  const verdict = judgeStatus(result.stdout)
  if (verdict.kind === 'valid') return verdict.fingerprint
  throw new ProvisionError('image.signature-invalid', {
    message: `The signature of the checksum manifest is not valid: ${verdict.reason}.`,
    details: { keyring, signature, output: result.stderr.trim().split('\n').slice(-6) },
  })
}

export type Verdict =
  | { readonly kind: 'valid'; readonly fingerprint: string }
  | { readonly kind: 'invalid'; readonly reason: string }

/** What each word says against a signature (GnuPG's doc/DETAILS). VALIDSIG comes also with expired and revoked keys. */
const against: Readonly<Record<string, string>> = {
  BADSIG: 'it is not over this content',
  EXPSIG: 'it has expired',
  EXPKEYSIG: 'its key has expired',
  REVKEYSIG: 'its key is revoked',
  NO_PUBKEY: 'its key is not in the key ring',
  ERRSIG: 'it cannot be checked',
}

/**
 * Reads gpgv's status lines. A file may hold several signatures, of which one by a key of the ring is enough; but
 * none may be wrong.
 */
export function judgeStatus(status: string): Verdict {
  const words = status.split('\n').flatMap((line) => {
    const [mark, ...rest] = line.split(' ')
    return mark === '[GNUPG:]' ? [rest] : []
  })
  const groups: string[][][] = []
  for (const word of words) {
    if (word[0] === 'NEWSIG' || groups.length === 0) groups.push([])
    groups.at(-1)?.push(word)
  }
  const has = (group: readonly (readonly string[])[], name: string): boolean =>
    group.some((word) => word[0] === name)
  const wrong = (group: readonly (readonly string[])[]): string | undefined =>
    Object.entries(against).find(([name]) => has(group, name))?.[1]
  if (words.some((word) => word[0] === 'BADSIG')) return { kind: 'invalid', reason: against['BADSIG'] ?? '' }
  for (const group of groups) {
    const valid = group.find((word) => word[0] === 'VALIDSIG')
    const fingerprint = valid?.at(-1) ?? ''
    if (has(group, 'GOODSIG') && wrong(group) === undefined && /^[0-9A-F]{40,64}$/.test(fingerprint)) {
      return { kind: 'valid', fingerprint }
    }
  }
  return {
    kind: 'invalid',
    reason: groups.map(wrong).find((reason) => reason !== undefined) ?? 'there is none',
  }
}
