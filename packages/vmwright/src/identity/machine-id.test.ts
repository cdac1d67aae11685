import { expect, it } from 'vitest'
import { machineIdBootcmd, newMachineId } from './machine-id.ts'

it.each([
  [0, '00000000000040008000000000000000'],
  [0xff, 'ffffffffffff4fffbfffffffffffffff'],
])('T5: a machine-id of bytes %i is a version 4 UUID without hyphens', (byte, id) => {
  expect(newMachineId({ randomBytes: (count) => new Uint8Array(count).fill(byte) })).toBe(id)
})

it('T5: cloud-init makes a new machine-id once per instance, and asks for a new lease after that', () => {
  const [command = []] = machineIdBootcmd
  expect(command.slice(0, 5)).toEqual(['cloud-init-per', 'instance', 'vmwright_machine_id', 'sh', '-c'])
  const script = command[5] ?? ''
  expect(script.indexOf('>/etc/machine-id')).toBeGreaterThan(0)
  expect(script.indexOf('restart systemd-networkd')).toBeGreaterThan(script.indexOf('>/etc/machine-id'))
})
