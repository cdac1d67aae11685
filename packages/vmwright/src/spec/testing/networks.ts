import { withHead } from './load.ts'

/** A spec with the network `lan` (line 4, its fields from column 10 on) and an instance on it. */
export const withNetwork = (fields: string, more = ''): string =>
  withHead(
    `networks:\n  lan: { ${fields} }\n${more}defaults: { network: lan, image: debian-12 }\ninstances: { web: {} }\n`,
  )

export const nat = 'mode: nat, ipv4: { address: 10.10.0.1/24, dhcp: true }'

/** An instance `web` on a NAT network, its fields from column 10 of line 6 on. */
export const onNat = (fields: string, network = nat): string =>
  withHead(
    `networks: { lan: { ${network} } }\ndefaults: { image: debian-12 }\ninstances:\n  web: { ${fields} }\n`,
  )
