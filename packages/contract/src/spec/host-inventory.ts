import * as z from 'zod'
import { field, localPath, required, text } from './field.ts'
import { hostDocument } from './places.ts'

/** K12. Hosts that an Ansible inventory has. */
export const hostInventoryDocument = z.strictObject({
  file: required(localPath(), 'Inventory: a file (INI or YAML), or a folder with such and `host_vars`.', {
    example: './inventory.ini',
  }),
  group: field(text(), 'Group whose hosts are meant, with those of the groups in it.', {
    default: '`all`',
    example: 'vmhost',
  }),
  uri: field(
    text(),
    'Connection URI of each. `{host}`, `{user}` and `{port}` stand for `ansible_host`, `ansible_user` and `ansible_port`, `{name}` for the name in the inventory.',
    {
      default: '`qemu+ssh://{user}@{host}:{port}/system`, without what the inventory does not say',
      example: 'qemu+ssh://root@{host}/system',
    },
  ),
  settings: field(
    hostDocument.omit({ uri: true, login: true, guest: true }),
    'Settings of all these hosts. The variables of a host win over them, and a host of the same name in `hosts` over both, field by field.',
  ),
})
