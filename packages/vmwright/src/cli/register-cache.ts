import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseSize } from '../lib/units.ts'
import { type LayerName, layerNames } from '../snapshots/layers.ts'
import { parseDuration } from './options.ts'
import { examples, lockTimeoutOption, names, namesHelp, type Runner, withSpec } from './register.ts'

export function registerCache(cache: Command, run: Runner): void {
  withSpec(
    cache.command('list').description('the layers that are kept of guests, and which of them still hold'),
  )
    .argument(names, namesHelp)
    .addHelpText(
      'after',
      examples(
        'vmwright cache list                   of all guests',
        'vmwright cache list web-1 --json      with the reason why each holds or does not',
      ),
    )
    .action(run(async () => (await import('./commands/cache-list.ts')).listCommand))

  withSpec(
    cache
      .command('prune')
      .description('remove layers of guests: without a limit those that no run would restore'),
  )
    .argument(names, namesHelp)
    .addOption(new Option('--older-than <age>', 'those that are older').argParser(parseDuration))
    .addOption(
      new Option('--keep <count>', 'all but so many of each guest, the newest').argParser(parseCount),
    )
    .addOption(
      new Option('--max-size <size>', 'the oldest, until the rest takes no more on all hosts').argParser(
        parseBytes,
      ),
    )
    .addOption(
      new Option('--layer <layer>', 'of this layer only (may be repeated)')
        .choices(layerNames)
        .default([] as readonly LayerName[])
        .argParser(addLayer),
    )
    .option('--all', 'also those that would be restored now, the clean ones too', false)
    .option('-y, --yes', 'really do it', false)
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      examples(
        'vmwright cache prune                               show what no longer holds',
        'vmwright cache prune --older-than 14d --yes        remove what is older than two weeks',
        'vmwright cache prune --keep 3 --max-size 20GiB     show what these limits speak against',
        'vmwright cache prune web-1 --layer init --all -y   let the next run do `init` again',
      ),
    )
    .action(run(async () => (await import('./commands/cache-prune.ts')).pruneCommand))
}

function addLayer(text: string, before: readonly LayerName[]): readonly LayerName[] {
  const layer = layerNames.find((name) => name === text)
  if (layer === undefined) throw new InvalidArgumentError(`The layers are ${layerNames.join(', ')}.`)
  return [...before, layer]
}

function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Write it as a whole number: 3.')
  return Number(text)
}

function parseBytes(text: string): number {
  const bytes = parseSize(text)
  if (bytes === undefined) throw new InvalidArgumentError('Write it with a unit: 500MiB, 20GiB.')
  return bytes
}
