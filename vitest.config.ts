import { defineConfig } from 'vitest/config'

const conditions = ['source', 'node', 'import', 'default']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }

/**
 * Three kinds of test. `unit` decides things and talks to nobody; `contract` speaks to a real daemon without
 * guests (libvirt's test driver, a private libvirtd); `acceptance` provisions real guests on a real libvirt.
 */
export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          maxWorkers: '100%',
          testTimeout: 60_000,
          include: ['packages/*/src/**/*.test.ts', 'test/*.test.ts'],
          setupFiles: ['test/unit-guard.ts'],
        },
      },
      {
        ...shared,
        test: {
          name: 'contract',
          // Most of their time they wait for a daemon.
          maxWorkers: '100%',
          include: ['packages/*/src/**/*.contract.ts', 'test/contract/**/*.contract.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'acceptance',
          include: ['test/acceptance/**/*.acceptance.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
