import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { knock } from './ssh-knock.ts'

const progress = new Progress(realSeam())

it('G5: one connection stays of a port that answers, with what comes through it', async () => {
  const taken: Socket[] = []
  const server = createServer((socket) => void taken.push(socket.on('error', () => {}))).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = await knock(progress, { address: '127.0.0.1', port }, 5_000)
  await expect.poll(() => taken.length).toBe(1)
  taken[0]?.end('SSH-2.0-test')
  expect(await once(socket, 'data')).toEqual([Buffer.from('SSH-2.0-test')])
  socket.destroy()
  server.close()
})

it('G5: a port that is closed is told at once', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await expect(knock(progress, { address: '127.0.0.1', port }, 60_000)).rejects.toMatchObject({
    code: 'guest.port-closed',
    message: expect.stringContaining('connection refused') as string,
  })
})

it('G5: whoever does not want to wait any more does not', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(knock(progress.child({ signal }), { address: '127.0.0.1', port: 9 }, 60_000)).rejects.toThrow(
    'enough',
  )
})
