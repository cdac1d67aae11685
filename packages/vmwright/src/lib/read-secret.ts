import { readFile } from 'node:fs/promises'
import { messageOf, ProvisionError } from './errors.ts'
import { Secret, type SecretRef } from './secret.ts'

/** Reads a secret from where the spec says. One trailing newline of a file is not part of it. Throws `secret.unavailable`. */
export async function readSecret(
  ref: SecretRef,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Secret> {
  switch (ref.kind) {
    case 'literal':
      return ref.value
    case 'env': {
      const value = environment[ref.name]
      if (value !== undefined && value !== '') return new Secret(value)
      throw new ProvisionError('secret.unavailable', {
        message: `The environment variable ${ref.name}, which the spec names as a secret, is not set.`,
        hint: `Set ${ref.name} and run the command again.`,
        details: { variable: ref.name },
      })
    }
    case 'file': {
      const text = await readFile(ref.path, 'utf8').catch((error: unknown) => {
        throw new ProvisionError('secret.unavailable', {
          message: `The file ${ref.path}, which the spec names as a secret, cannot be read: ${messageOf(error)}`,
          hint: `Create ${ref.path}, readable by you alone.`,
          details: { path: ref.path },
          cause: error,
        })
      })
      return new Secret(text.replace(/\r?\n$/, ''))
    }
  }
}
