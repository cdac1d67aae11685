import { Argument, type Command, Option } from 'commander'
import { fileOption, jsonOption, parseDuration, varFileOption, varOption } from './options.ts'
import { registerBenchmark } from './register-benchmark.ts'
import { registerCache } from './register-cache.ts'
import { registerFork } from './register-fork.ts'
import { registerHost } from './register-host.ts'
import { examples, lockTimeoutOption, names, namesHelp, type Runner, withSpec } from './register.ts'

/** Commands beyond the life cycle of machines. */
export function registerMore(program: Command, run: Runner): void {
  registerReach(program, run)
  registerImages(program.command('images').description('the image cache of this machine'), run)
  registerHost(program.command('host').description('what hosts need to run guests'), run)
  registerSnapshots(program.command('snapshot').description('snapshots of machines'), run)
  registerCache(program.command('cache').description('what is kept of guests for their next runs'), run)
  registerFork(program, run)
  registerBenchmark(program.command('benchmark').description('how long making the machines takes'), run)
  registerHelpers(program, run)
}

function registerReach(program: Command, run: Runner): void {
  withSpec(program.command('ping').description('see whether hosts and guests answer; exits with 1 if not'))
    .argument(names, namesHelp)
    .option('--hosts', 'ask the hosts only', false)
    .addOption(
      new Option('--timeout <duration>', 'for each host and each guest')
        .argParser(parseDuration)
        .default(5_000, '5s'),
    )
    .action(run(async () => (await import('./commands/ping.ts')).ping))

  withoutJson(program.command('ssh').description('log in to a guest, or run a command in it'))
    .argument('<name>', 'instance')
    .argument('[command...]', 'run this instead of a shell')
    .passThroughOptions()
    .option('-l, --user <user>', 'log in as this user')
    .option('-J, --jump', 'by way of its host, for guests on a network inside a remote one', false)
    .addHelpText(
      'after',
      `
Runs your own ssh, with your configuration and agent, and accepts only the host keys that the guest was given.
The exit code is that of ssh.
${examples('vmwright ssh web-1', 'vmwright ssh web-1 -- systemctl --failed', 'vmwright ssh -f lab.yaml web-1 uptime')}`,
    )
    .action(run(async () => (await import('./commands/ssh.ts')).ssh))

  withoutJson(program.command('console').description("connect to a guest's serial console; Ctrl-] leaves"))
    .argument('<name>', 'instance')
    .action(run(async () => (await import('./commands/console.ts')).console))

  withSpec(program.command('access').description('write how to get in, for other programs'))
    .argument(names, namesHelp)
    .addOption(
      new Option('--format <format>', 'the form')
        .choices(['ssh-config', 'known-hosts', 'ansible', 'hosts', 'route'])
        .default('ssh-config'),
    )
    .option('-o, --output <path>', 'write to a file')
    .option('--known-hosts <path>', 'where ssh-config and ansible keep the host keys')
    .addHelpText(
      'after',
      examples(
        'vmwright access -o ~/.ssh/vmwright.conf       and `Include vmwright.conf` in ~/.ssh/config',
        'vmwright access --format ansible -o hosts.yaml && ansible -i hosts.yaml all -m ping',
        'vmwright access --format hosts | sudo tee -a /etc/hosts',
        'vmwright access --format route                what a client elsewhere has to do',
      ),
    )
    .action(run(async () => (await import('./commands/access.ts')).access))

  withoutJson(program.command('inventory').description('answer Ansible as an inventory script does'))
    .option('--list', 'all guests with their variables (the default)')
    .option('--host <name>', "this guest's variables alone")
    .option('--script <path>', 'write an executable inventory for this spec instead')
    .addHelpText(
      'after',
      examples('vmwright inventory --script inventory && ansible -i ./inventory all -m ping'),
    )
    .action(run(async () => (await import('./commands/inventory.ts')).inventory))

  withSpec(
    program
      .command('env')
      .description('print variables for a shell: addresses, SSH configuration, inventory'),
  )
    .argument(names, namesHelp)
    .addOption(
      new Option('--shell <shell>', 'whose words; that of $SHELL otherwise').choices([
        'sh',
        'fish',
        'powershell',
      ]),
    )
    .option('--unset', 'take away again what an earlier call set', false)
    .addHelpText(
      'after',
      examples(
        'eval "$(vmwright env)"                                      sh, bash, zsh',
        'vmwright env --shell fish | source',
        'vmwright env --shell powershell | Out-String | Invoke-Expression',
        'ssh -F "$VMWRIGHT_SSH_CONFIG" web-1                         then',
        'eval "$(vmwright env --unset)"                              and back',
      ),
    )
    .action(run(async () => (await import('./commands/env.ts')).env))
}

function registerImages(images: Command, run: Runner): void {
  const only = () =>
    new Option('--image <id>', 'this image only (may be repeated)')
      .default([] as readonly string[])
      .argParser((id: string, before: readonly string[]) => [...before, id])

  withSpec(images.command('list').description('the images of the spec, what is cached, and who uses it'))
    .addOption(only())
    .action(run(async () => (await import('./commands/images-list.ts')).listCommand))

  withSpec(images.command('pull').description('fetch and verify the images of the spec'))
    .addOption(only())
    .option('--force', 'ask the publishers again and replace what is wrong', false)
    .action(run(async () => (await import('./commands/images-fetch.ts')).pullCommand))

  withSpec(images.command('verify').description('read cached images in full and compare their digests'))
    .addOption(only())
    .action(run(async () => (await import('./commands/images-verify.ts')).verifyCommand))

  withSpec(images.command('build').description('build the images that can be built from packages'))
    .addOption(only())
    .option('--force', 'build again what is wrong', false)
    .action(run(async () => (await import('./commands/images-fetch.ts')).buildCommand))

  withSpec(images.command('bundle').description('write cached images and their manifests into one archive'))
    .argument('[ids...]', 'images; all that the spec has when none is named')
    .requiredOption('-o, --output <path>', 'the archive')
    .option('--host <name>', 'from the cache for this host')
    .addHelpText('after', examples('vmwright images bundle debian-12 -o images.tar'))
    .action(run(async () => (await import('./commands/images-bundle.ts')).bundleImages))

  withSpec(images.command('unbundle').description('put the images of such an archive into the cache'))
    .argument('<file>', 'the archive')
    .option('--host <name>', 'into the cache for this host')
    .action(run(async () => (await import('./commands/images-bundle.ts')).unbundleImages))

  withSpec(images.command('prune').description('remove cached images that nothing rests on'))
    .option('--all', 'also those that would be used now', false)
    .option('-y, --yes', 'really do it', false)
    .action(run(async () => (await import('./commands/images-prune.ts')).pruneCommand))
}

function registerSnapshots(snapshot: Command, run: Runner): void {
  withSpec(snapshot.command('list').description('the snapshots that machines have'))
    .argument(names, namesHelp)
    .action(run(async () => (await import('./commands/snapshot.ts')).listSnapshots))

  withSpec(snapshot.command('restore').description('stop a machine and bring it back to a snapshot'))
    .argument('<name>', 'instance')
    .argument('[snapshot]', 'that of the spec, or the only one, when none is named')
    .option('-y, --yes', 'really do it: what was written since is lost', false)
    .addOption(lockTimeoutOption())
    .action(run(async () => (await import('./commands/snapshot.ts')).restore))
}

function registerHelpers(program: Command, run: Runner): void {
  withoutJson(program.command('explain').description('show an instance with all defaults, as JSON'))
    .argument('<name>', 'instance')
    .action(run(async () => (await import('./commands/explain.ts')).explain))

  program
    .command('schema')
    .description('print the JSON Schema of a spec, for editors')
    .option('--example', 'print a spec to start from', false)
    .addHelpText(
      'after',
      examples(
        'vmwright schema > vmwright.schema.json        then in the spec: # yaml-language-server: $schema=vmwright.schema.json',
        'vmwright schema --example > vmwright.yaml',
      ),
    )
    .action(run(async () => (await import('./commands/schema.ts')).schema))

  program
    .command('errors')
    .description('what an error code means and what to do about it')
    .argument('[code]', 'all of them when none is named')
    .addOption(jsonOption())
    .action(run(async () => (await import('./commands/errors.ts')).errors))

  withoutJson(program.command('completion').description('print a completion script for a shell'))
    .addArgument(new Argument('[shell]').choices(['bash', 'zsh', 'fish']))
    .addOption(
      new Option('--names [kind]', 'print the names that the spec has, for the scripts')
        .choices(['instances', 'networks', 'runs'])
        .preset('instances'),
    )
    .addHelpText(
      'after',
      examples(
        'source <(vmwright completion bash)',
        'vmwright completion zsh > "${fpath[1]}/_vmwright"',
        'vmwright completion fish > ~/.config/fish/completions/vmwright.fish',
      ),
    )
    .action(run(async () => (await import('./commands/completion.ts')).completion))
}

/** Commands whose result is not data. */
const withoutJson = (command: Command): Command =>
  command.addOption(fileOption()).addOption(varOption()).addOption(varFileOption())
