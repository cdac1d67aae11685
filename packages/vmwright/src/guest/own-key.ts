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
  if (existing !== undefined) return keyFrom(privateKeyPath, existing)

  const { privateKey, publicKey } = generateUserKey(keyComment())
  const unique = Buffer.from(progress.seam.randomBytes(8)).toString('hex')
  await progress.seam.effect({ kind: 'file.create', object: privateKeyPath, mutates: true }, async () => {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    if (await createWhole(privateKeyPath, unique, privateKey))
      await writeFile(`${privateKeyPath}.pub`, `${publicKey}\n`, { mode: 0o644 })
  })
  return keyFrom(privateKeyPath, (await readOptional(privateKeyPath)) ?? '')
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

function keyFrom(privateKeyPath: string, content: string): OwnKey {
  const blob = publicBlob(content)
  if (blob === undefined)
    throw new ProvisionError('guest.key-unreadable', {
      message: `The SSH key ${privateKeyPath} is not an unencrypted OpenSSH private key.`,
      hint: `Move the file away; a new key is made, and guests made with the old one keep asking for that: mv ${privateKeyPath} ${privateKeyPath}.old`,
      details: { path: privateKeyPath },
    })
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0))
  const publicKey = `${type} ${blob.toString('base64')} ${keyComment()}`
  return { publicKey, privateKeyPath, privateKey: new Secret(content) }
}

/**
 * The public key that stands in clear in an OpenSSH private key file (openssh/PROTOCOL.key): magic, cipher, KDF,
 * KDF options, number of keys, public key. Read here, because loading an SSH library takes longer than a run.
 */
function publicBlob(content: string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(content)?.[1]
  const data = Buffer.from(body ?? '', 'base64')
  const magic = 'openssh-key-v1\0'
  if (data.toString('latin1', 0, magic.length) !== magic) return undefined
  let offset = magic.length
  const next = (): Buffer => {
    const end = offset + 4 + data.readUInt32BE(offset)
    const field = data.subarray(offset + 4, end)
    offset = end
    return field
  }
  try {
    const cipher = next().toString('latin1')
    next()
    next()
    offset += 4
    const blob = next()
    const isComplete = offset <= data.length && blob.length > 4 && blob.readUInt32BE(0) < blob.length
    return cipher === 'none' && isComplete ? blob : undefined
  } catch {
    return undefined
  }
}

/** A uid without an entry in the user database has no name. */
function keyComment(): string {
  try {
    return `vmwright-${userInfo().username}`
  } catch {
    return 'vmwright'
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
