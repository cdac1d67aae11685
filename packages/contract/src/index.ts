export * from './errors.ts'
export * from './events.ts'
export * from './spec/document.ts'
