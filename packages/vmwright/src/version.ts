/** Replaced by the build with the version of the package. */
declare const VMWRIGHT_VERSION: string | undefined

export const version = typeof VMWRIGHT_VERSION === 'string' ? VMWRIGHT_VERSION : '0.0.0-source'
