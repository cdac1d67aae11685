import { spawn } from 'node:child_process'
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  open,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

/**
 * A bundle, and machines without a network: their own network namespace has a loopback interface and nothing else.
 * What this does not do, because it would take too long here, is in docs/offline.md.
 */
const root = join(import.meta.dirname, '../..')
const support = join(import.meta.dirname, '../support')
const offline = ['--mount', '--net', '--pid', '--fork', '--kill-child']
const checkout = 'srv/vmwright'
let folder: string
let archive: string
/** A system of Debian's that has nothing but its required packages, Node, and the checkout. */
let machine: string

interface Ended {
  readonly code: number
  readonly output: string
}

function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, output }))
  })
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(program, args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${output.slice(-4000)}`)
  return output
}

/** A command in the checkout on the machine, which has no network. */
const there = (command: string): Promise<Ended> =>
  run('unshare', [
    ...offline,
    'bash',
    join(support, 'offline-root.sh'),
    machine,
    'bash',
    '-c',
    `cd /${checkout} && ${command}`,
  ])

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/vmwright-offline-')
  await chmod(folder, 0o711)
  archive = join(folder, 'vmwright-deps-test.tar')
  machine = join(folder, 'machine')
  await makeBundle()
  await bootstrap()
  await addNode()
  await addCheckout()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A machine that was itself set up from a bundle may have no network to make one. */
async function makeBundle(): Promise<void> {
  const own = '/var/lib/vmwright/bundle'
  const parts = ['RELEASE', 'SHA256SUMS', 'manifest.json', 'apt', 'npm']
  if ((await stat(own).catch(() => undefined)) === undefined)
    await must('make', ['deps-bundle', `BUNDLE=${archive}`])
  else await must('tar', ['-cf', archive, '--transform=s,^,vmwright-deps/,', '-C', own, ...parts])
}

/** From the bundle, without a network either. */
async function bootstrap(): Promise<void> {
  const bundle = join(folder, 'bundle')
  await mkdir(bundle)
  await must('tar', ['-xf', archive, '-C', bundle, '--strip-components=1'])
  const [distribution = '', suite = '', , ...components] = (
    await readFile(join(bundle, 'RELEASE'), 'utf8')
  ).split(/\s+/)
  const options = `check-valid-until=no signed-by=/usr/share/keyrings/${distribution}-archive-keyring.gpg`
  const sources = (await readdir(join(bundle, 'apt/dists'))).map(
    (dist) => `deb [target=Packages ${options}] copy:${bundle}/apt ${dist} ${components.join(' ').trim()}`,
  )
  const args = [
    '--variant=minbase',
    '--include=ca-certificates,make',
    '--dpkgopt=force-unsafe-io',
    suite,
    machine,
  ]
  await must('unshare', [
    '--net',
    'mmdebstrap',
    '--quiet',
    '--aptopt=APT::Sandbox::User "root"',
    ...args,
    ...sources,
  ])
  await rm(bundle, { recursive: true })
  // A machine that once had a network: what it knows of mirrors is out of reach.
  await writeFile(join(machine, 'etc/apt/sources.list'), `deb http://mirror.invalid/debian ${suite} main\n`)
  await writeFile(join(machine, 'etc/dpkg/dpkg.cfg.d/test'), 'force-unsafe-io\n')
}

async function addNode(): Promise<void> {
  const bin = join(machine, 'usr/local/bin')
  await copyFile(process.execPath, join(bin, 'node'))
  const npm = dirname(dirname(await realpath((await must('sh', ['-c', 'command -v npm'])).trim())))
  await cp(npm, join(machine, 'usr/local/lib/npm'), { recursive: true })
  for (const name of ['npm', 'npx']) await symlink(`../lib/npm/bin/${name}-cli.js`, join(bin, name))
}

async function addCheckout(): Promise<void> {
  const target = join(machine, checkout)
  const left = ['node_modules', 'dist', '.git', '.cache', 'logs', 'vmwright-deps-*.tar']
  await mkdir(target, { recursive: true })
  const exclude = left.map((name) => `--exclude=${name}`).join(' ')
  await must('sh', ['-c', `tar -c ${exclude} . | tar -x -C "$1"`, '-', target])
}

it('T12: a bundle that is damaged, or for another release, is told and not used', async () => {
  const wrong = join(machine, checkout, 'vmwright-deps-wrong.tar')
  const elsewhere = join(folder, 'elsewhere')
  await mkdir(join(elsewhere, 'vmwright-deps'), { recursive: true })
  await writeFile(join(elsewhere, 'vmwright-deps/RELEASE'), 'debian sarge i386 main\n')
  await must('tar', ['-cf', wrong, '-C', elsewhere, 'vmwright-deps'])
  expect(await there('make setup')).toEqual({
    code: 2,
    output: expect.stringContaining('is for debian sarge i386, and this machine has'),
  })

  await copyFile(archive, wrong)
  await using file = await open(wrong, 'r+')
  await file.write('damage', Math.floor((await file.stat()).size / 2))
  const damaged = await there('make setup')
  expect(damaged).toEqual({
    code: 2,
    output: expect.stringMatching(/\.deb: FAILED[^]*is damaged: copy it again/),
  })
  expect(await readdir(join(machine, 'var/lib/vmwright'))).not.toContain('bundle')
  await rm(wrong)
})

it('T12: without a network, a bare machine is set up from the bundle, and the program is built and runs', async () => {
  await copyFile(archive, join(machine, checkout, 'vmwright-deps-test.tar'))
  const first = await there('make setup build && ./vmwright --version && virsh -c qemu:///system uri')
  expect(first).toEqual({
    code: 0,
    output: expect.stringMatching(/This machine is ready[^]*\d+\.\d+\.\d+\nqemu:/),
  })
  await rm(join(machine, checkout, 'vmwright-deps-test.tar'))
  const again = await there('make setup')
  expect(again).toEqual({ code: 0, output: expect.not.stringContaining('Installing') })
})

it('T12: the bundle has all packages that tests need', async () => {
  const from =
    '-o Dir::Etc::SourceList=/var/lib/vmwright/bundle/sources-file.list -o Dir::Etc::SourceParts=/dev/null'
  const packages = await there(
    `apt-get ${from} update && apt-get ${from} --download-only -y --no-install-recommends install $(scripts/setup.sh packages) ifupdown`,
  )
  expect(packages).toEqual({ code: 0, output: expect.stringMatching(/libguestfs0[^]*Download complete/) })
})

it('T12: the image of the quickstart is built from the bundle, and still has the sources of its own', async () => {
  const pulled = await there('./vmwright images pull -f examples/quickstart.yaml')
  expect(pulled).toEqual({ code: 0, output: expect.stringMatching(/debian-12 +build /) })
  const raw = '/var/tmp/image.raw'
  const sources = await there(
    `qemu-img convert -O raw /var/lib/libvirt/images/vmwright/cache/debian-bookworm.qcow2 ${raw} && ` +
      `debugfs -R 'cat /etc/apt/sources.list' '${raw}?offset=${128 * 1024 ** 2}' && rm ${raw}`,
  )
  expect(sources.output).toContain('deb http://mirror.invalid/debian bookworm main')
  expect(sources.output).not.toContain('/var/lib/vmwright')
})
