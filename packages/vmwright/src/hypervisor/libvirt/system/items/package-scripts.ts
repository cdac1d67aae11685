/**
 * Packages, by whichever manager the host has. The names of all installed packages are kept before an installation, so
 * that what it pulled in is known however it ends. The manager runs in a session of its own and finishes when its run
 * is cut off: half an installation is worse than one that nobody watches. It keeps the lock on the record meanwhile.
 */
const common = `
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none
for manager in apt-get zypper dnf yum pacman none; do ! command -v $manager >/dev/null || break; done
log=$record.log
list=$record.packages
options='-q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -o APT::Get::AutomaticRemove=false'
options="$options -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"

# All that the manager says for one item. Prints it as it comes; the command itself writes to a file, and goes on when nobody listens.
watched() {
  told_lines=$(wc -l <"$log")
  setsid sh -c 'exec "$@" >>"$0" 2>&1 </dev/null' "$log" "$@" &
  pid=$!
  tail -s 0.2 -n +$((told_lines + 1)) -f --pid=$pid "$log" 2>/dev/null 9<&- | sed -u 's/^/say /' 9<&-
  wait $pid
}
refused() {
  said=$(grep -iE '^(E:|error|failed|no match|problem|package .* not found|unable)' "$log" | tail -n 3)
  [ -n "$said" ] || said=$(tail -n 3 "$log")
  why=refused
  grep -qiE 'unable to locate package|has no installation candidate|no match for argument|no package .* available|target not found|not found in package names' "$log" && why=unknown
  grep -qiE 'temporary failure|could not resolve|could not connect|unable to connect|failed to fetch|failed to download|cannot download|failed retrieving|curl error|connection timed out|network is unreachable|all mirrors' "$log" && why=network
  grep -qiE 'could not get lock|unable to lock|is locked by|system management is locked|another app is currently' "$log" && why=lock
  grep -qiE 'dpkg was interrupted' "$log" && why=interrupted
  grep -qiE 'no space left|not enough free space|at least .* more space' "$log" && why=space
  rm -f "$log"
  failed $why "$said"
}
installed() {
  case $manager in
    apt-get) dpkg-query -W -f '\${db:Status-Status} \${Package}:\${Architecture}\\n' | sed -n 's/^installed //p' ;;
    pacman) pacman -Qq ;;
    *) rpm -qa --qf '%{NAME}.%{ARCH}\\n' ;;
  esac | sort -u
}
state_of() {
  case $manager in
    apt-get) dpkg-query -W -f '\${db:Status-Status}\\n' "$1" 2>/dev/null | sort | head -n 1 ;;
    pacman) pacman -Qq "$1" >/dev/null 2>&1 && echo installed ;;
    *) rpm -q "$1" >/dev/null 2>&1 && echo installed ;;
  esac
}
# Of lines with names as 'installed' prints them: those of package $1, or the others with $2 = no.
named() {
  NAME=$1 ARE=\${2-yes} MANAGER=$manager awk '{ bare = $0
    if (ENVIRON["MANAGER"] == "apt-get") sub(/:.*/, "", bare)
    else if (ENVIRON["MANAGER"] != "pacman") sub(/[.][^.]*$/, "", bare)
    if ((bare == ENVIRON["NAME"]) == (ENVIRON["ARE"] == "yes")) print }'
}
pulled() { installed | comm -13 "$list" - | named "$1" no; }
`

/** `$3`: name. */
export const packageChange = `${common}
name=$3
[ $manager != none ] || failed missing 'the host has none of apt-get, dnf, yum, zypper and pacman'
turn
: >"$log"
note_pulled() {
  [ -e "$list" ] || return 0
  pulled "$name" | while read -r each; do told pulled "$each"; done | add || exit 9
  rm -f "$list"
}
if [ "$(state_of "$name")" = installed ]; then
  [ ! -e "$record" ] || note_pulled
  rm -f "$log"
  echo done
  exit 0
fi
if [ ! -e "$record" ]; then
  installed >"$list.new" && sync "$list.new" && mv -f "$list.new" "$list" || failed record 'the installed packages cannot be kept'
  { told name "$name"; told state "$(state_of "$name")"; } | keep "$2" || exit 9
fi
case $manager in
  apt-get)
    apt-cache show "$name" >/dev/null 2>&1 || watched apt-get $options update
    install() {
      watched apt-get $options install --no-install-recommends "$name"
    }
    install || {
      # The lists may be older than what the mirrors still have.
      ! grep -qE '404 +Not Found' "$log" || { watched apt-get $options update && install; }
    }
    ;;
  zypper) watched zypper --non-interactive install --no-recommends "$name" ;;
  dnf | yum) watched $manager -y install --setopt=install_weak_deps=False "$name" ;;
  pacman) watched pacman -S --noconfirm --needed "$name" ;;
esac || true
[ "$(state_of "$name")" = installed ] || refused
note_pulled
rm -f "$log"
echo done`

/**
 * Goes: the package, and of those that it pulled in each that nothing else needs. A set may go when its going takes
 * nothing else along; what others were given as their own by now (marked as manually installed) is not in it.
 */
export const packageRestore = `${common}
turn_for_restore
: >"$log"
name=$(before name)
may_go() {
  case $manager in
    apt-get)
      [ -z "$(apt-get -s $options remove "$@" 2>/dev/null |
        sed -nE 's/^(Remv|Purg) ([^ ]+).*/\\2/p' | sed 's/:.*//' | sort -u | comm -23 - "$list.may")" ]
      ;;
    pacman) pacman -Rp "$@" >/dev/null 2>&1 ;;
    *) rpm -e --test "$@" >/dev/null 2>&1 ;;
  esac
}
try_set() {
  printf '%s\\n' "$@" | sed -E 's/[:].*//' | sort -u >"$list.may"
  may_go "$@"
}
gone=
[ "$(state_of "$name")" = installed ] || gone=yes
own=$(installed | named "$name")
if [ -e "$list" ]; then
  brought=$(pulled "$name")
else
  brought=$(sed -n 's/^before pulled //p' "$record" | while read -r coded; do decode "$coded"; echo; done)
fi
brought=$(printf '%s\\n' "$brought" | sort -u | comm -12 - "$(installed >"$list.now"; echo "$list.now")")
rm -f "$list.now"
if [ $manager = apt-get ] && [ -n "$brought" ]; then
  apt-mark showauto $brought 2>/dev/null | sed 's/:.*//' | sort -u >"$list.auto"
  brought=$(for each in $brought; do ! grep -qxF -- "\${each%%:*}" "$list.auto" || echo $each; done)
  rm -f "$list.auto"
fi
set -- $own
if [ $# -gt 0 ] && ! try_set "$@" $brought; then
  # What others need stays: each that may go is added, until none is.
  try_set "$@" || { rm -f "$list.may" "$log"; outcome kept 'other packages need it'; }
fi
if ! try_set "$@" $brought; then
  again=yes
  while [ -n "$again" ]; do
    again=
    for each in $brought; do
      case " $* " in *" $each "*) continue ;; esac
      if try_set "$@" $each; then set -- "$@" $each; again=yes; fi
    done
  done
else
  set -- "$@" $brought
fi
rm -f "$list.may"
if [ $# -gt 0 ]; then
  case $manager in
    apt-get) watched apt-get $options remove "$@" ;;
    zypper) watched zypper --non-interactive remove --no-clean-deps "$@" ;;
    dnf | yum) watched $manager -y remove --noautoremove "$@" ;;
    pacman) watched pacman -Rn --noconfirm "$@" ;;
  esac || refused
  if [ $manager = apt-get ]; then
    [ "$(before state)" != config-files ] || set -- $brought
    [ $# = 0 ] || watched dpkg --purge "$@" || refused
  fi
fi
rm -f "$log"
if [ -n "$gone" ]; then outcome already; fi
outcome done`
