import * as z from 'zod'
import { fault, field, key, oneOf } from './field.ts'

/** K12. */
export const placementDocument = z
  .strictObject({
    hosts: field(
      z.union([z.literal('all'), z.array(key()).min(1)], {
        error: () => fault('must be `all` or a list of keys in `hosts`', 'Write `[rack1, rack2]`.'),
      }),
      'Hosts to choose from: keys in `hosts`, or `all`.',
      { default: '`all`', example: ['rack1', 'rack2'] },
    ),
    by: field(
      oneOf(['spread', 'pack']),
      '`spread`: the host where most memory and CPU is free. `pack`: the first with room.',
      { default: '`spread`', example: 'pack' },
    ),
    group: field(
      oneOf(['apart', 'prefer-apart', 'together-allowed']),
      'Instances of the same group on one host: never, only when there is no other place, or as it comes.',
      { default: '`prefer-apart`', example: 'apart' },
    ),
  })
  .meta({ id: 'placement' })
