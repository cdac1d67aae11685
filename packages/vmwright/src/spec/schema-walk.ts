import type * as z from 'zod'

/** The names of the fields that a mapping at this path may have. */
export function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const reached = path.reduce<readonly z.core.$ZodType[]>(
    (schemas, part) => schemas.flatMap((one) => step(one, part)),
    [schema],
  )
  return [
    ...new Set(
      reached.flatMap(alternatives).flatMap((one) => (isObject(one) ? Object.keys(one._zod.def.shape) : [])),
    ),
  ]
}

function step(schema: z.core.$ZodType, part: PropertyKey): readonly z.core.$ZodType[] {
  return alternatives(schema).flatMap((one) => {
    if (isObject(one))
      return Object.hasOwn(one._zod.def.shape, part)
        ? [one._zod.def.shape[String(part)] as z.core.$ZodType]
        : []
    const { def } = one._zod as z.core.$ZodTypes['_zod']
    if (def.type === 'record') return [def.valueType]
    return def.type === 'array' ? [def.element] : []
  })
}

/** What a schema comes down to, without `optional` and with each branch of a union. */
function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  if (def.type === 'optional') return alternatives(def.innerType)
  if (def.type === 'union') return def.options.flatMap(alternatives)
  return [schema]
}

const isObject = (schema: z.core.$ZodType): schema is z.core.$ZodObject => schema._zod.def.type === 'object'
