/** As the schema of the spec wants it. */
export const isProjectName = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)

/** The nearest usable name: `Web Servers` → `web-servers`; `fallback` when nothing is left. */
export function projectName(text: string, fallback: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '')
  return isProjectName(name) ? name : fallback
}
