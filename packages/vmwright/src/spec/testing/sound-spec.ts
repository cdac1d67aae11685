/** A spec with something of everything, one `key: value` a line, so that a mutation has a known place. */
export const sound = `version: 1
project: demo
variables:
  cpus: 2
hosts:
  local:
    uri: qemu:///system
    parallel: 4
    runtimeUser: libvirt-qemu
    repairAccess: true
networks:
  lan:
    use: default
    gateway4: 10.0.0.1
templates:
  gold:
    domain: golden
    disks: [/srv/gold.qcow2, /srv/data.raw]
    os: ubuntu
    interfaces: [ens3]
    restart: true
    whenRunning: shut-down
cloning:
  parallel: 2
  workspace: /srv/work
  validate: once
imagePolicy:
  refresh: 12h
  repair: false
defaults:
  image: debian-12
  memory: 1GiB
  vcpus: \${cpus}
  rootDisk:
    size: 10GiB
    mode: overlay
  cloudInit:
    timezone: UTC
    sshPasswordAuth: false
    user:
      name: admin
      password: &secret in-clear
    packages: [curl, htop]
    runcmd:
      - echo "hello"
      - [systemctl, restart, cron]
  ready:
    port: 22
    timeouts:
      ssh: 90s
instances:
  web:
    count: 3
    name: web-{index}
    address: 10.0.0.10/24
    overrides:
      web-2:
        memory: 2GiB
  db:
    memory: 4GiB
    seedBus: scsi
    extraDisks:
      - size: 10GiB
        mount:
          path: /srv
          filesystem: xfs
    cloudInit:
      rootPassword: *secret
      writeFiles:
        - path: /etc/motd
          permissions: '0644'
          content: |
            Hello there,
            this is a text.
  copy:
    template: golden
    clone: overlay
    guest:
      network: ifupdown
      interfaces: [eth0]
lifecycle:
  revision: 3
  skip: [shutdown]
  phaseTimeout: 20m
  phases:
    folder: phases
    main:
      - make check
      - shell: uname -a
        exitCodes: [0, 1]
      - copy:
          from: src
          to: /srv/src
      - wait:
          port: 80
  connection:
    kind: ssh
    jump: [web-1]
budget:
  guests: 2
matrix:
  platforms:
    trixie:
      image: debian-13
  targets:
    big:
      vcpus: 8
  combine:
    platforms: [trixie]
    targets: [amd64, big]
  list:
    - platform: trixie
      target: arm64
      memory: 3GiB
`
