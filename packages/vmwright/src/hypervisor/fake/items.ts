import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { type HostItem, type HostItems, itemName } from '../host/items.ts'
import type { FakeContext } from './context.ts'
import type { FakeWorld } from './world.ts'

/** Declared states of the imagined host. What was there is written down before anything is changed. */
export function fakeItems(context: FakeContext): HostItems {
  const { world } = context
  return {
    inspect: (progress, items) =>
      context.look(progress, 'inspectItems', world.host, () => ({
        facts: structuredClone(world.system.facts),
        states: items.map((item) => ({
          item,
          isSo: nowOf(world, item) === wantedOf(item),
          now: nowOf(world, item),
          whyNot: world.system.unchangeable[itemName(item)],
        })),
      })),
    change: (progress, item) => change(context, progress, item),
    changes: (progress) =>
      context.look(progress, 'listChanges', world.host, () =>
        structuredClone(world.system.changes.toReversed()),
      ),
    async restore(progress, { item }) {
      const name = itemName(item)
      const known = await context.look(progress, 'inspectItems', name, () => ({
        now: nowOf(world, item),
        made: changeOf(world, item),
      }))
      if (known.made === undefined) return 'already'
      const before = known.made.before['value'] ?? absent(item)
      const outcome =
        known.now === before ? 'already' : known.now === wantedOf(known.made.item) ? 'done' : 'kept'
      if (outcome === 'done')
        await context.change(progress, 'restoreItem', name, () => setItem(world, item, before))
      await context.change(progress, 'forgetChange', name, () => {
        world.system.changes = world.system.changes.filter((other) => itemName(other.item) !== name)
      })
      return outcome
    },
  }
}

async function change(context: FakeContext, progress: Progress, item: HostItem): Promise<void> {
  const { world } = context
  const name = itemName(item)
  const now = await context.look(progress, 'inspectItems', name, () => nowOf(world, item))
  if (now === wantedOf(item)) return
  const whyNot = world.system.unchangeable[name]
  if (whyNot !== undefined) {
    throw new ProvisionError('host.change-failed', {
      message: `Could not change ${name} on ${world.host}: ${whyNot}.`,
      details: { item: name },
    })
  }
  const atMs = context.seam.nowMs()
  await context.change(progress, 'recordChange', name, () => {
    const before = changeOf(world, item)?.before ?? { value: now }
    const others = world.system.changes.filter((other) => itemName(other.item) !== name)
    world.system.changes = [...others, { item, atMs, before }]
  })
  await context.change(progress, 'changeItem', name, () => setItem(world, item, wantedOf(item)))
}

const changeOf = (world: FakeWorld, item: HostItem) =>
  world.system.changes.find((other) => itemName(other.item) === itemName(item))

const nowOf = (world: FakeWorld, item: HostItem): string => world.system.items[itemName(item)] ?? absent(item)

function setItem(world: FakeWorld, item: HostItem, value: string): void {
  if (value === absent(item)) delete world.system.items[itemName(item)]
  else world.system.items[itemName(item)] = value
}

/** What `FakeWorld.system.items` holds for an item that is as wanted. */
export function wantedOf(item: HostItem): string {
  switch (item.kind) {
    case 'package':
      return 'installed'
    case 'service':
      return 'active'
    case 'kernel-module':
      return 'loaded'
    case 'group-member':
      return 'member'
    case 'sysctl':
    case 'config-line':
      return item.value
  }
}

function absent(item: HostItem): string {
  switch (item.kind) {
    case 'package':
      return 'not installed'
    case 'service':
      return 'inactive'
    case 'kernel-module':
      return 'not loaded'
    case 'group-member':
      return 'no member'
    case 'sysctl':
    case 'config-line':
      return 'absent'
  }
}
