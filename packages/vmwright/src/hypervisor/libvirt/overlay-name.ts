/** The file that an external snapshot puts over a disk. */
export const overlayName = (vm: string, snapshot: string, device: string): string =>
  `${vm}.${snapshot}.${device}.qcow2`

/** True for a file that an external snapshot of that machine put over that disk. */
export function isOverlay(path: string, vm: string, device: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const [prefix, suffix] = [`${vm}.`, `.${device}.qcow2`]
  return name.startsWith(prefix) && name.endsWith(suffix) && name.length > prefix.length + suffix.length
}
