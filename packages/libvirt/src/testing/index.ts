export { FakeDaemon } from './fake-daemon.ts'
export type { FakePeer, Handler, Request, StreamHandler } from './fake-daemon.ts'
export type { FakeStream } from './fake-connection.ts'
