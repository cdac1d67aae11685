import * as z from 'zod'
import { fault, field, localPath, oneOf, required, text } from './field.ts'
import { packageNames } from './host-preparation.ts'
import { interfaceNames } from './templates.ts'

/** K7. */
export const customiseDocument = z
  .strictObject({
    rootKeys: field(
      z.array(
        z.union(
          [
            text(),
            z.strictObject({
              file: required(localPath(), 'File with public keys, one a line.', {
                example: '~/.ssh/id_ed25519.pub',
              }),
            }),
          ],
          { error: () => fault('must be a public key or `{ file: PATH }`') },
        ),
      ),
      'SSH public keys for root: the line itself, or the file that has it. That of who runs vmwright comes on top, unless `cloudInit.injectOwnKey` is `false`.',
      { default: '`[]`', example: [{ file: '~/.ssh/id_ed25519.pub' }] },
    ),
    certificates: field(
      z.array(localPath()),
      'Files with certificates in PEM form that the guest is to trust, named as there.',
      { default: '`[]`', example: ['./lab-ca.pem'] },
    ),
    install: field(packageNames(), 'Packages to install.', { default: '`[]`', example: ['python3'] }),
    remove: field(packageNames(), 'Packages to remove.', { default: '`[]`', example: ['cloud-init'] }),
    commands: field(
      z.array(text()),
      "Commands for a shell, run as root in the guest's file system, in this order, after the packages.",
      { default: '`[]`', example: ['systemctl enable nftables'] },
    ),
    network: field(oneOf(['ifupdown', 'netplan']), 'Form of the network configuration in the guest.', {
      default: '`netplan`',
      example: 'ifupdown',
    }),
    interfaces: field(interfaceNames(), 'Names of the interfaces in the guest, in order.', {
      default: '`[enp1s0]`',
      example: ['enp1s0', 'enp2s0'],
    }),
  })
  .meta({ id: 'customise' })
