/**
 * Data as YAML that Ansible takes as it is: `{{` in a text is not expanded. Texts of JSON are texts of YAML; the tag
 * `!unsafe` is Ansible's ("Unsafe or raw strings" in its guide to variables).
 */
export function unsafeYaml(value: unknown): string {
  if (typeof value === 'string') return `!unsafe ${quoted(value)}`
  if (Array.isArray(value)) return `[${value.map(unsafeYaml).join(', ')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${quoted(key)}: ${unsafeYaml(member)}`)
  return `{${members.join(', ')}}`
}

/** Everything beyond ASCII as an escape of YAML, which has none in two halves as JSON has. */
const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[^\u0020-\u007e]/gu,
    (sign) => `\\U${(sign.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  )
