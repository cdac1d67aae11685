/**
 * Path of a setting below /proc/sys. As sysctl(8) has it: where a dot comes first dots separate and a slash is a dot
 * in a word (`net.ipv4.conf.eth0/1.forwarding`), where a slash comes first it is the other way round. Pure.
 */
export const sysctlPath = (name: string): string =>
  /^[^./]*\//.test(name)
    ? name
    : [...name].map((letter) => (letter === '.' ? '/' : letter === '/' ? '.' : letter)).join('')
