import * as z from 'zod'
import { fault, field, key, localPath, required } from './field.ts'
import { instanceDefaultsDocument, instanceOverrideDocument } from './instance.ts'

const pairFields = {
  platform: required(key(), 'Key in `platforms`.', { example: 'debian_12' }),
  target: required(key(), 'Key in `targets`, or `amd64`, `arm`, `arm64`, `ppc64`.', { example: 'arm64' }),
}

const placeholderName = () =>
  z.string({ error: () => fault('must be a text') }).regex(/^[A-Za-z0-9{][A-Za-z0-9{}-]{0,80}$/, {
    error: () =>
      fault(
        'is not a usable name',
        'Use letters, digits and `-`; `{platform}` and `{target}` stand for their names.',
      ),
  })

/** G7. Instances that are put together from a platform and a target. */
export const matrixDocument = z.strictObject({
  folder: field(
    localPath(),
    'Folder with `platforms/NAME.yaml` (or `.yml`) and `targets/NAME.yaml`, each with the settings of one; the platform `default` holds for all. `targets/default.yaml` stands for targets, and `platforms/default.yaml` for platforms, that are nowhere else. What stands here wins over files.',
    { default: 'none', example: './setup_vm' },
  ),
  platforms: field(
    z.record(key(), instanceDefaultsDocument),
    'Platforms, mostly with an image: settings of instances. Those of `default` hold for all of them.',
    { default: '`{}`', example: { 'debian-12': { image: 'debian-12', memory: '2GiB' } } },
  ),
  targets: field(
    z.record(key(), instanceDefaultsDocument),
    'Targets, mostly with an architecture: settings of instances. `amd64`, `arm`, `arm64` and `ppc64` are there already; an entry of that name changes it.',
    { default: '`{}`', example: { big: { vcpus: 8, memory: '16GiB' } } },
  ),
  combine: field(
    z.strictObject({
      platforms: required(z.array(key()).min(1).max(200), 'Keys of platforms.', {
        example: ['debian-12', 'debian-13'],
      }),
      targets: required(z.array(key()).min(1).max(200), 'Keys of targets.', { example: ['amd64', 'arm64'] }),
    }),
    'An instance for each platform on each target. Settings go from low to high: built in, `defaults`, target, platform `default`, platform, entry of `list`; mappings are merged, lists replaced.',
  ),
  exclude: field(
    z.array(
      z.strictObject({
        platform: field(key(), 'Key of a platform.', { default: 'every one', example: 'debian-13' }),
        target: field(key(), 'Key of a target.', { default: 'every one', example: 'arm64' }),
      }),
    ),
    'Pairs that `combine` leaves out.',
    { default: '`[]`', example: [{ platform: 'debian-13', target: 'arm64' }] },
  ),
  list: field(
    z
      .array(
        z.strictObject({
          ...pairFields,
          name: field(
            placeholderName(),
            'Name of the instance. With one of its own, an instance beside that of `combine` for the same pair.',
            { default: 'as `name` of the matrix says', example: 'debian-12-big' },
          ),
          ...instanceOverrideDocument.shape,
        }),
      )
      .max(2000),
    'Single pairs, each with settings of its own that win over those of platform and target. A pair of `combine` gets them too; the same entry twice counts once.',
    { default: '`[]`', example: [{ platform: 'debian-13', target: 'arm64', memory: '4GiB' }] },
  ),
  name: field(
    placeholderName(),
    'Names of the instances. Signs that no name has become `-`: `debian_12` gives `debian-12`.',
    { default: '`{platform}-{target}`', example: '{target}-{platform}' },
  ),
})
