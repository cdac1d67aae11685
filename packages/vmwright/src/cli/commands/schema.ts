import { specJsonSchema } from '@vmwright/contract'
import { attempt } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'

/** The JSON Schema for editors, or a spec to start from. */
export async function schema(context: CliContext, options: { readonly example: boolean }): Promise<number> {
  return attempt(context, {}, async () => {
    context.stdout.write(options.example ? exampleSpec : `${JSON.stringify(specJsonSchema(), null, 2)}\n`)
    return exitCode.done
  })
}

/** The smallest spec that is of use, with what is changed first beside it. */
export const exampleSpec = `# What should exist, and where. \`vmwright validate\` checks this file, \`vmwright plan\` shows what would be done,
# \`vmwright apply\` does it. \`vmwright schema\` prints a JSON Schema that editors understand.
version: 1
project: demo # part of the mark of everything that is made

hosts:
  local:
    uri: qemu:///system # elsewhere: qemu+ssh://root@rack1/system
    acceleration: prefer-kvm # falls back to emulation, which is slower

defaults:
  image: debian-12
  memory: 1GiB
  vcpus: 1
  rootDisk: { size: 10GiB }

instances:
  web:
    count: 2 # web-1 and web-2; leave it out for one machine named web
  db:
    memory: 2GiB
    cloudInit:
      packages: [postgresql]
`
