import { describe, expect, it, test } from 'vitest'
import { LibvirtError } from '../errors.ts'
import { parseUri } from './uri.ts'

const ssh = {
  kind: 'ssh',
  port: undefined,
  user: undefined,
  socket: undefined,
  keyFile: undefined,
  knownHosts: undefined,
  proxy: 'auto',
  jump: undefined,
}

describe('parseUri', () => {
  test.each([
    ['qemu:///system', 'qemu:///system', { kind: 'unix', socket: undefined }],
    ['qemu:///session', 'qemu:///session', { kind: 'unix', socket: undefined }],
    ['test:///default', 'test:///default', { kind: 'unix', socket: undefined }],
    ['qemu+unix:///system?socket=/run/x.sock', 'qemu:///system', { kind: 'unix', socket: '/run/x.sock' }],
    ['qemu+ssh://kvm1/system', 'qemu:///system', { ...ssh, host: 'kvm1' }],
    [
      'qemu+ssh://root@10.0.0.1:2222/system',
      'qemu:///system',
      { ...ssh, host: '10.0.0.1', port: 2222, user: 'root' },
    ],
    ['qemu+ssh://[fe80::1]/session', 'qemu:///session', { ...ssh, host: 'fe80::1' }],
    [
      'qemu+ssh://kvm1/system?keyfile=/k/id&known_hosts=/k/hosts&proxy=netcat&socket=/run/s',
      'qemu:///system',
      { ...ssh, host: 'kvm1', keyFile: '/k/id', knownHosts: '/k/hosts', proxy: 'netcat', socket: '/run/s' },
    ],
    [
      'qemu+ssh://inner/system?jump=root@rack1:2222,[fe80::1]',
      'qemu:///system',
      { ...ssh, host: 'inner', jump: 'root@rack1:2222,[fe80::1]' },
    ],
    [
      'qemu+tls://kvm1.example/system',
      'qemu:///system',
      { kind: 'tls', host: 'kvm1.example', port: 16_514, pkiPath: undefined },
    ],
    [
      'qemu://kvm1:1234/system?pkipath=/pki',
      'qemu:///system',
      { kind: 'tls', host: 'kvm1', port: 1234, pkiPath: '/pki' },
    ],
  ])('reads %s', (uri, name, route) => {
    expect(parseUri(uri)).toEqual({ name, driver: name.split(':')[0], route })
  })

  test.each([
    ['', 'not a URI'],
    ['/var/run/libvirt/libvirt-sock', 'not a URI'],
    ['qemu:///embed', '/system or /session'],
    ['qemu+unix://host/system', 'on this machine'],
    ['qemu+tcp://host/system', 'tcp is not supported'],
    ['qemu+ext:///system?command=/bin/sh', 'ext is not supported'],
    ['qemu+ssh:///system', 'no host'],
    ['qemu+ssh://-oProxyCommand=x/system', 'host name is not allowed'],
    ['qemu+ssh://-oProxyCommand@host/system', 'user name is not allowed'],
    ['qemu+ssh://host;reboot/system', 'host name is not allowed'],
    ['qemu+ssh://user:secret@host/system', 'password'],
    ['qemu+ssh://host/system?command=/tmp/evil', 'command is refused'],
    ['qemu+ssh://host/system?netcat=/tmp/evil', 'netcat is refused'],
    ['qemu+ssh://host/system?no_verify=1', 'no_verify is refused'],
    ['qemu+ssh://host/system?known_hosts_verify=ignore', 'known_hosts_verify is refused'],
    ['qemu+ssh://host/system?keyfile=-oProxyCommand', 'keyfile is an absolute path'],
    ['qemu+ssh://host/system?keyfile=/k%20-oProxyCommand', 'keyfile is an absolute path'],
    ['qemu+ssh://host/system?keyfiel=/k', 'keyfiel is not known; ssh takes socket, keyfile'],
    ['qemu+ssh://host/system?jump=-oProxyCommand=x', 'jump is user@host:port'],
    ['qemu+ssh://host/system?jump=a,b%20-oProxyCommand', 'jump is user@host:port'],
    ['qemu+ssh://host/system?proxy=telnet', 'auto, native or netcat'],
    ['qemu+tls://host/system?no_verify=1', 'no_verify is refused'],
    ['qemu+tls://host/system?pkipath=../x', 'pkipath is an absolute path'],
    ["qemu:///system';reboot;'", 'characters that are not allowed'],
  ])('refuses %s', (uri, reason) => {
    expect(() => parseUri(uri)).toThrow(LibvirtError)
    expect(() => parseUri(uri)).toThrow(reason)
  })

  it('does not repeat a secret that should not have been there', () => {
    expect(() => parseUri('qemu+ssh://user:hunter2@host/system')).not.toThrow('hunter2')
  })
})
