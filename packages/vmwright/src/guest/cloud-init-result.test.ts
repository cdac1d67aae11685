import { expect, it } from 'vitest'
import { failuresOf, foundNoDataSource, parseCloudInitRecord } from './cloud-init-result.ts'
import { withoutSecrets } from './gather-facts.ts'

/** As cloud-init 22.4 writes it. */
const result = JSON.stringify({
  v1: { datasource: 'DataSourceNoCloud [seed=/dev/sr0][dsmode=net]', errors: [] },
})

it.each([
  [
    'an old status',
    result,
    JSON.stringify({ v1: { init: { errors: [], start: 1, finished: 2 }, stage: null } }),
    [],
    {},
  ],
  ['no status', result, '', [], {}],
  [
    'module errors',
    JSON.stringify({ v1: { datasource: null, errors: ["('locale', ProcessExecutionError())"] } }),
    '',
    ["('locale', ProcessExecutionError())"],
    {},
  ],
  [
    'recoverable errors of stages and of the whole',
    result,
    JSON.stringify({
      v1: {
        recoverable_errors: { WARNING: ['one'] },
        init: { recoverable_errors: { WARNING: ['one', 'two'], DEPRECATED: ['old'] } },
        'modules-final': { recoverable_errors: { ERROR: ['three'] } },
      },
    }),
    ['three'],
    { WARNING: ['one', 'two'], DEPRECATED: ['old'], ERROR: ['three'] },
  ],
])('reads %s', (_, resultJson, statusJson, failures, recoverable) => {
  const record = parseCloudInitRecord(resultJson, statusJson)
  expect(record?.recoverable).toEqual(recoverable)
  expect(record && failuresOf(record)).toEqual(failures)
})

it.each(['', '{', '[]', '{"v1":null}', 'null'])('takes %j for not written yet', (text) => {
  expect(parseCloudInitRecord(text, '')).toBeUndefined()
})

it('knows the fallback data source', () => {
  const record = parseCloudInitRecord('{"v1":{"datasource":"DataSourceNone","errors":[]}}', '')
  expect(record && foundNoDataSource(record)).toBe(true)
})

it.each([
  ['password: hunter2', 'password: ***'],
  ["{'passwd': '$6$salt$hash'}", "{'passwd': ***"],
  ['root:$y$j9T$abc$def', 'root:***'],
  ['API_KEY=abc def', 'API_KEY=*** def'],
  ['Running module locale failed', 'Running module locale failed'],
])('C18: keeps secrets out of %j', (line, want) => {
  expect(withoutSecrets(line)).toBe(want)
})
