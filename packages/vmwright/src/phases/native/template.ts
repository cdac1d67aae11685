import { ProvisionError } from '../../lib/errors.ts'
import { hintForUnknown } from '../../spec/nearest.ts'

/**
 * A text with values for `${name}` and `${name.of.a.member}`; `$${` is a literal `${`, and anything else after `${`
 * stays as it is, as in the spec. Throws `phase.invalid` with all names that have no value. Pure.
 */
export function renderTemplate(
  text: string,
  file: string,
  variables: Readonly<Record<string, unknown>>,
): string {
  const faults: { readonly line: number; readonly message: string; readonly hint: string }[] = []
  const rendered = text.replaceAll(
    /\$(\$\{)|\$\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}/g,
    (all: string, escaped: string | undefined, name: string, offset: number) => {
      if (escaped !== undefined) return escaped
      const value = valueAt(variables, name)
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        return String(value)
      const line = text.slice(0, offset).split('\n').length
      faults.push(
        value === undefined
          ? {
              line,
              message: `uses \`${name}\`, which has no value`,
              hint: `Give it in \`lifecycle.variables\`, or write \`$\${${name}}\` for the text itself. ${hintForUnknown(name, Object.keys(variables))}`,
            }
          : {
              line,
              message: `uses \`${name}\`, which is no text, number or truth value`,
              hint: `Name a member of it: \`\${${name}.…}\`.`,
            },
      )
      return all
    },
  )
  const [first] = faults
  if (first === undefined) return rendered
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  throw new ProvisionError('phase.invalid', {
    message: `${file}:${first.line}: ${first.message}${more}.`,
    hint: first.hint,
    details: { file, line: first.line, problems: faults.map(({ line, message }) => `${line}: ${message}`) },
  })
}

/** `undefined`: nothing, or nothing of its own. */
function valueAt(variables: Readonly<Record<string, unknown>>, name: string): unknown {
  let value: unknown = variables
  for (const part of name.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part]
  }
  return value
}
