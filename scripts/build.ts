import { cp, glob, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'

/**
 * Bundles the program into packages/vmwright/dist: one small entry and a chunk for each command, so that
 * `--help` loads neither the hypervisor clients nor SSH. Packages of the workspace are taken from their sources.
 * The folder is replaced when it is complete, so a failed build leaves the last good one.
 */
const packageFolder = join(import.meta.dirname, '../packages/vmwright')
const source = join(packageFolder, 'src')
const dist = join(packageFolder, 'dist')
const partial = join(packageFolder, 'dist.partial')
const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
  version: string
}

/** Files that the program reads at run time, kept at the same place beside the bundle as beside the sources. */
const dataFiles = ['**/*.ps1', '**/*.sh', '**/*.gpg', '**/*.asc']

await rm(partial, { recursive: true, force: true })
await build({
  entryPoints: { vmwright: join(source, 'cli/entry.ts') },
  outdir: partial,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  conditions: ['source'],
  define: { VMWRIGHT_VERSION: JSON.stringify(version) },
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
  chunkNames: 'chunks/[name]-[hash]',
  // ssh2 tries these native add-ons and does without them.
  external: ['cpu-features', '*.node'],
  // Some dependencies are CommonJS: they call `require` for modules of Node and look at `__dirname`.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module'",
      'const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname',
    ].join('\n'),
  },
})

for await (const path of glob(dataFiles.map((pattern) => join(source, pattern)))) {
  const target = join(partial, relative(source, path))
  await mkdir(dirname(target), { recursive: true })
  await cp(path, target)
}

await rm(dist, { recursive: true, force: true })
await rename(partial, dist)
