/**
 * Perl that runs in a guest from before it is frozen, so that a fork finds it loaded: under emulation each program that
 * is started takes a tenth of a second and more, and all of this together takes less. It needs no module beyond
 * `perl-base`, and does what `identityScript` does, for which the reasons are there.
 *
 * ```
 * waiter:  makes a pipe with a name, readable for root alone; says so by its being there
 * caller:  opens it through the guest agent, which keeps it open, and writes a line for each coming card, and "here"
 * waiter:  removes the name, and asks the DHCP servers
 *          … the machine is frozen here …
 * original: "stop": it ends                       forks: the identity and "end": it does what it is for, and ends
 * ```
 *
 * A caller that is gone is waited for two minutes. The line of a card is `old new [address server former…]`. With an address, it
 * is asked for as one does who has been offered it: the server (dnsmasq) notes a lease at once, without the three seconds
 * for which it would see whether the address is in use before an offer, and without answering anybody else meanwhile.
 * Without, the servers are asked for an offer, which is not taken: they have looked when the fork asks.
 *
 * - A lease without a client identifier is that of whoever asks from that card, with any. dnsmasq keeps the identifier of
 *   one that the card has already (of a fork that was removed and had the same name): such leases are given up before. It
 *   heeds only the newest of a card, so that to give up all it takes as many rounds.
 * - The question for an offer has an identifier that is nobody's: a server offers to whom it knows what that one has.
 * - systemd-networkd knows the machine-id that it began with. It is held still, since it would answer each change with
 *   work, and killed, upon which systemd begins it anew at once; to end in peace would take it longer.
 * - sshd reads its keys for each connection anew, up to 9.7 and unless it was told otherwise (`-r`); else it has to be told
 *   to, which means that it starts again.
 * - A card is changed while it is down, so that it gets a link-local IPv6 address of its own when it goes up again.
 * - The identity reaches the disk a little later: nobody waits for that.
 */
export const waiterPath = '/run/vmwright-fork'

export const waiterScript = String.raw`
use strict;
use Config;
my ($pipe) = @ARGV;
my %numbers = (x86_64 => [227, 259, 162], aarch64 => [112, 33, 81]);
my ($clock_settime, $mknodat, $sync) = @{ $numbers{ (split /-/, $Config{archname})[0] } or exit 3 };
my ($SIOCGIFADDR, $SIOCSIFADDR, $SIOCGIFFLAGS, $SIOCSIFFLAGS, $SIOCGIFHWADDR, $SIOCSIFHWADDR) =
  (0x8915, 0x8916, 0x8913, 0x8914, 0x8927, 0x8924);
my ($RNDADDENTROPY, $RNDRESEEDCRNG) = (0x40085203, 0x5207);
umask 022;

sub text { open my $file, '<', $_[0] or return ''; local $/; my $text = <$file>; $text // '' }
sub line { my $text = text($_[0]); $text =~ s/\n.*//s; $text }
sub put { open my $file, '>', $_[0] or return; chmod $_[2], $_[0] if $_[2]; print $file $_[1]; close $file }
sub cards { map { m{([^/]+)/address$} ? $1 : () } glob '/sys/class/net/*/address' }
sub pids { my ($comm) = @_; grep { line("/proc/$_/comm") eq $comm } map { m{(\d+)} } glob '/proc/[0-9]*' }

sub entropy {
  my $bytes = pack 'H*', $_[0];
  open my $random, '+<', '/dev/urandom' or return;
  ioctl $random, $RNDADDENTROPY, pack('iia*', 8 * length $bytes, length $bytes, $bytes) or return;
  ioctl $random, $RNDRESEEDCRNG, 0;
}

sub readdress {
  my ($card, $to) = @_;
  socket my $socket, 2, 2, 0 or return;
  my $request = pack 'a16 x24', $card;
  my $asked = $request;
  ioctl $socket, $SIOCGIFFLAGS, $asked or return;
  my $flags = unpack 'x16 S', $asked;
  ioctl $socket, $SIOCSIFFLAGS, pack('a16 S x22', $card, $flags & ~1);
  for (1 .. 16) {
    my $has = $request;
    last unless ioctl $socket, $SIOCGIFADDR, $has;
    ioctl $socket, $SIOCSIFADDR, pack('a16 S x22', $card, 2);
  }
  ioctl $socket, $SIOCSIFHWADDR, pack('a16 S H12 x16', $card, 1, $to =~ s/://gr) or return;
  ioctl $socket, $SIOCSIFFLAGS, pack('a16 S x22', $card, $flags | 1);
}

sub number { pack 'C4', split /\./, $_[0] }
sub dhcp {
  my ($card, $mac, $type, $own, $options) = @_;
  my $message = pack 'C4 N n2 a4 N3 H12 x10 x192 N C3', 1, 1, 6, 0, rand 2**32, 0, $type == 1 ? 0x8000 : 0, $own,
    0, 0, 0, $mac =~ s/://gr, 0x63825363, 53, 1, $type;
  socket my $socket, 2, 2, 0 or return;
  setsockopt $socket, 1, 6, pack 'i', 1;
  setsockopt $socket, 1, 25, pack 'a16', $card;
  send $socket, "$message$options\xff" . "\0" x 44, 0, pack 'S n N x8', 2, 67, 0xffffffff;
}
my %cards = map { line("/sys/class/net/$_/address") => $_ } cards();
sub ask {
  my ($from, $mac, $address, $server, @former) = @_;
  my $card = $cards{$from} or return;
  return dhcp($card, $mac, 1, "\0" x 4, pack 'C3 N', 61, 5, 255, rand 2**32) unless $address;
  my $by = "\x36\4" . number($server);
  for (@former) { dhcp($card, $mac, 7, number($_), $by) for @former }
  dhcp($card, $mac, 3, "\0" x 4, "\x32\4" . number($address) . $by);
}

my @networkd = pids('systemd-network');
my $revives = text('/lib/systemd/system/systemd-networkd.service') =~ /^Restart=(on-failure|always)/m;
my @others = grep { $_ } (pids('NetworkManager') && 'NetworkManager.service',
  (-e '/etc/network/interfaces' && 'networking.service'), (@networkd && !$revives && 'systemd-networkd.service'));
my $sshd = line('/run/sshd.pid');
my $keeps_keys = text("/proc/$sshd/cmdline") =~ /[\0 ]-\w*r/ || grep { -e } glob '/usr/{lib,libexec}/{openssh,ssh,}/sshd-session';
push @others, 'ssh.service', 'sshd.service' unless $sshd =~ /^\d+$/;

unlink $pipe;
$SIG{ALRM} = sub { unlink $pipe; exit 4 };
alarm 120;
syscall($mknodat, -100, $pipe, 010600, 0) == 0 or exit 5;
open my $told, '+<', $pipe or exit 5;
my $heard = '';
until ($heard =~ /^(?:stop|end)\n/m) {
  sysread $told, $heard, 4096, length $heard or exit 5;
  next unless $heard =~ s/^(.*?)^here\n//ms;
  unlink $pipe;
  ask(split) for split /\n/, $1;
}
exit 0 if $heard =~ /^stop\n/;
alarm 0;
END { kill 'CONT', @networkd if $? }

my @heard = split /\n/, $heard;
my ($name, $machine_id, $instance_id, $clock, $entropy) = split / /, shift @heard;
if ($revives) { kill 'STOP', $_ for @networkd = grep { line("/proc/$_/comm") eq 'systemd-network' } @networkd }
entropy($entropy) or put('/dev/urandom', pack 'H*', $entropy);
syscall $clock_settime, 0, pack('qq', int $clock, 1e9 * ($clock - int $clock));
my ($old, $old_id) = (line('/etc/hostname') || 'localhost', line('/etc/machine-id'));
put('/etc/hostname', "$name\n");
put('/proc/sys/kernel/hostname', "$name\n");
unlink '/var/lib/cloud/instance/obj.pkl', '/var/lib/systemd/random-seed', '/var/lib/NetworkManager/secret_key', glob
  '/etc/ssh/ssh_host_* /var/lib/dhcp/*.leases /var/lib/dhclient/* /run/systemd/netif/leases/* /var/lib/NetworkManager/*.lease';
unlink '/etc/machine-id';
put('/etc/machine-id', "$machine_id\n", 0444);
my $dbus = '/var/lib/dbus/machine-id';
put($dbus, "$machine_id\n") if -f $dbus && !-l $dbus;
rename "/var/log/journal/$old_id", "/var/log/journal/$machine_id" if $old_id;

my %new;
while (@heard && $heard[0] =~ /^([0-9a-f:]{17})=([0-9a-f:]{17})$/) { $new{$1} = $2; shift @heard }
for my $card (cards()) {
  my $to = $new{ line("/sys/class/net/$card/address") };
  readdress($card, $to) if $to;
}
while (@heard && $heard[0] =~ m{^([0-7]+) (/.*)$}) {
  my ($mode, $path, $content) = ($1, $2, '');
  shift @heard;
  while (@heard) { my $next = shift @heard; last if $next eq '.'; $content .= "$next\n" }
  put($path, '', oct $mode);
  put($path, $content);
}
kill 'HUP', $sshd if $sshd =~ /^\d+$/ && $keeps_keys;
for my $path ('/etc/hosts', grep { -f } glob '/etc/netplan/* /etc/network/* /etc/network/interfaces.d/* ' .
  '/etc/systemd/network/* /etc/sysconfig/network-scripts/* /etc/NetworkManager/system-connections/* /etc/udev/rules.d/*') {
  my $text = my $was = text($path);
  $text =~ s/(^|\s)\Q$old\E(?=[\s.]|$)/$1$name/mg;
  $text =~ s/\Q$_\E/$new{$_}/ig for keys %new;
  put($path, $text) if $text ne $was;
}
if ($revives) { kill 'KILL', $_ for @networkd }

if (-l '/var/lib/cloud/instance') {
  my $cloud = '/var/lib/cloud';
  rename "$cloud/instances/" . line("$cloud/data/instance-id"), "$cloud/instances/$instance_id";
  unlink "$cloud/instance";
  symlink "$cloud/instances/$instance_id", "$cloud/instance";
  put("$cloud/data/$_", "$instance_id\n") for 'instance-id', 'previous-instance-id';
  put("$cloud/data/previous-hostname", "$name\n");
}
open my $random, '<', '/dev/urandom';
sysread $random, my $seed, 512;
put('/var/lib/systemd/random-seed', $seed, 0600);
system 'systemctl', '--no-block', 'try-restart', @others if @others;
if (!fork) { close $_ for *STDIN, *STDOUT, *STDERR; syscall $sync; exit 0 }
exit(line('/etc/machine-id') eq $machine_id && line('/etc/hostname') eq $name ? 0 : 6);
`
