/** `a/./b/../c` → `a/c`. POSIX, on text alone: this module reads no file system. */
export function normalisePath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (part !== '..' || !path.startsWith('/')) parts.push(part)
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}` || '.'
}

export const folderOf = (path: string): string => {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '.' : path.slice(0, slash) || '/'
}

/** As a shell would read it in `folder`, with `~/` for the home directory. */
export function resolvePath(folder: string, path: string, home: string): string {
  if (path === '~' || path.startsWith('~/')) return normalisePath(`${home}/${path.slice(2)}`)
  return normalisePath(path.startsWith('/') ? path : `${folder}/${path}`)
}
