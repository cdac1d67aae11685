import { link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { generateUserKey } from '../cloudinit/host-keys.ts'
import { ProvisionError, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'

export interface OwnKey {
  /** `ssh-ed25519 AAAA… comment` */
  readonly publicKey: string
  readonly privateKeyPath: string
  readonly privateKey: Secret
}

/**
 * The SSH key of the person who runs vmwright: `id_ed25519` in the state folder (0600), made at the first call,
 * with its public half beside it. The private file is the truth; it appears whole, by a link that fails when
 * another run was faster, so that two first runs at once end with one key. Throws `guest.key-unreadable`. Safe to
 * repeat.
 */
export async function ensureOwnKey(progress: Progress, stateDir: string): Promise<OwnKey> {
  const privateKeyPath = join(stateDir, 'id_ed25519')
  const existing = await readOptional(privateKeyPath)
  if (existing !== undefined) return await keyFrom(privateKeyPath, existing)

  const { privateKey, publicKey } = generateUserKey(`vmwright-${userInfo().username}`)
  const unique = Buffer.from(progress.seam.randomBytes(8)).toString('hex')
  await progress.seam.effect({ kind: 'file.create', object: privateKeyPath, mutates: true }, async () => {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    if (await createWhole(privateKeyPath, unique, privateKey))
      await writeFile(`${privateKeyPath}.pub`, `${publicKey}\n`, { mode: 0o644 })
  })
  return await keyFrom(privateKeyPath, (await readOptional(privateKeyPath)) ?? '')
}

/** False when the file exists: another run was faster. */
async function createWhole(path: string, unique: string, content: Secret): Promise<boolean> {
  const temporary = `${path}.${unique}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(content.reveal())
    await file.sync()
    await link(temporary, path)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return false
  } finally {
    await file.close()
    await rm(temporary, { force: true })
  }
}

async function keyFrom(privateKeyPath: string, content: string): Promise<OwnKey> {
  const { default: ssh2 } = await import('ssh2')
  const parsed = ssh2.utils.parseKey(content)
  if (parsed instanceof Error)
    throw new ProvisionError('guest.key-unreadable', {
      message: `The SSH key ${privateKeyPath} cannot be read: ${parsed.message}.`,
      hint: `Move the file away; a new key is made, and guests made with the old one keep asking for that: mv ${privateKeyPath} ${privateKeyPath}.old`,
      details: { path: privateKeyPath },
    })
  const blob = parsed.getPublicSSH().toString('base64')
  const publicKey = `${parsed.type} ${blob} ${parsed.comment}`.trimEnd()
  return { publicKey, privateKeyPath, privateKey: new Secret(content) }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
