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

/** Everything beyond ASCII as an escape: YAML does not take each sign that JSON takes. */
const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
