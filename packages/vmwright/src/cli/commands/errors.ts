import { errorCatalogue } from '@vmwright/contract'
import { ProvisionError } from '../../lib/errors.ts'
import { hintForUnknown } from '../../spec/nearest.ts'
import { attempt, show } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfError } from '../exit-codes.ts'

interface Entry {
  readonly code: string
  readonly title: string
  readonly hint: string
  readonly exitCode: number
}

/** What an error code means and what to do. Without a code: all of them. */
export async function errors(
  context: CliContext,
  code: string | undefined,
  options: { readonly json: boolean },
): Promise<number> {
  return attempt(context, options, async () => {
    const all = Object.entries(errorCatalogue).map(([key, { title, hint }]): Entry => ({
      code: key,
      title,
      hint,
      exitCode: exitCodeOfError(key as keyof typeof errorCatalogue),
    }))
    const chosen = code === undefined ? all : all.filter((entry) => entry.code === code)
    if (chosen.length === 0)
      throw new ProvisionError('usage.invalid', {
        message: `There is no error code ${code}.`,
        hint: hintForUnknown(
          code ?? '',
          all.map((entry) => entry.code),
        ),
      })
    show(context, options.json, code === undefined ? all : chosen[0], () => chosen.map(text).join('\n'))
    return exitCode.done
  })
}

const text = (entry: Entry): string =>
  `${entry.code} (exit code ${entry.exitCode})\n  ${entry.title}\n  ${entry.hint}\n`
