/**
 * The record of what was changed on a host: one file for each item in the state folder, written before the change.
 *
 *     item {"kind":"sysctl",…}     as it was asked for; a later line is a later wish for the same item
 *     at 1700000000000             milliseconds since the epoch, of the first change
 *     before value MAo=            what was there before the first change, base64
 *     ours MQo=                    what was put there, base64, for each wish
 *     end
 *
 * What was there before is never written again, so that whatever number of runs, killed or not, leads back to it. Files
 * appear whole (written beside, synced, renamed). Runs take turns by a lock on /var/lib, which is always there; a
 * package manager that outlives its run keeps it. A change and its restoring begin with this text; `$1` is the name of the record.
 * Exit code 9 goes with a `failed` line; what is piped into `keep` and `add` fails in a shell of its own.
 */
export const recordScript = `
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
umask 077
cd /
state=/var/lib/vmwright/changes
record=$state/$1
decode() { printf %s "$1" | base64 -d; }
encode() { base64 -w0; }
say() { printf 'say %s\\n' "$*"; }
failed() { printf 'failed %s %s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')"; exit 9; }
turn() {
  exec 9</var/lib
  flock -n 9 || { say 'waiting for another change of this host'; flock 9; }
  mkdir -p "$state" || failed record "the folder $state cannot be made"
}
turn_for_restore() {
  turn
  [ -e "$record" ] || { forget; echo 'outcome already'; exit 0; }
}
has() { grep -q "^$1" "$record" 2>/dev/null; }
before() { decode "$(sed -n "s/^before $1 //p" "$record" | head -n 1)"; }
put() { sync "$record.new" 2>/dev/null || sync; mv -f "$record.new" "$record" && { sync "$state" 2>/dev/null || sync; }; }
write_record() { put || failed record "$record cannot be written"; }

# Standard input: 'before' lines, for the first change. $1: the item; $2: what is put there, when that matters.
keep() {
  ours=
  [ $# -lt 2 ] || ours=$(printf %s "$2" | encode)
  {
    if [ -e "$record" ]; then
      cat >/dev/null
      sed '$d' "$record"
      if ! sed -n 's/^item //p' "$record" | tail -n 1 | grep -qxF -- "$1"; then printf 'item %s\\n' "$1"; fi
    else
      printf 'item %s\\nat %s\\n' "$1" "$(date +%s%3N)"
      cat
    fi
    if [ $# -ge 2 ] && ! has "ours $ours\\$"; then printf 'ours %s\\n' "$ours"; fi
    echo end
  } >"$record.new"
  write_record
}
is_ours() { has "ours $(printf %s "$1" | encode)\\$"; }
told() { printf 'before %s %s\\n' "$1" "$(printf %s "$2" | encode)"; }

# Adds lines to the record of a change that is under way.
add() {
  { sed '$d' "$record"; cat; echo end; } >"$record.new"
  write_record
}
forget() {
  rm -f "$record" "$record.packages" "$record.log"
  sync "$state" 2>/dev/null || sync
  rmdir "$state" "\${state%/*}" 2>/dev/null
}
outcome() { forget; printf 'outcome %s\\n' "$*"; exit 0; }

# Puts standard input in the place of a file, as one, with the owner, mode and attributes of the old one, else mode $2.
replace_file() {
  target=$(readlink -f -- "$1") && new=$target.vmwright-new || return 1
  if [ -e "$target" ]; then cp -a -- "$target" "$new"; else : >"$new" && chmod "$2" "$new"; fi || return 1
  cat >"$new" && { sync "$new" 2>/dev/null || sync; } && mv -f -- "$new" "$target" && return 0
  rm -f -- "$new"
  return 1
}

# Lines of our own files, by their first word. $2: the word; $3: the line, or nothing to take it out. An own file
# without a line that is not a comment goes.
own_note='# Made by vmwright. \`vmwright host restore\` takes it back.'
set_own_line() {
  if [ $# -ge 3 ] && [ ! -d "\${1%/*}" ]; then mkdir -p -m 755 "\${1%/*}" || return 1; fi
  left=$({ [ ! -e "$1" ] || cat "$1"; } | WORD=$2 awk '$1 != ENVIRON["WORD"]'; [ $# -lt 3 ] || printf '%s\\n' "$3")
  case $left in "$own_note"*) ;; *) left="$own_note
$left" ;; esac
  if printf '%s\\n' "$left" | grep -qv -e '^#' -e '^$'; then
    printf '%s\\n' "$left" | replace_file "$1" 644
  else
    rm -f -- "$1"
  fi
}
`

/** Output: for each record, `record NAME` and its lines. */
export const listScript = `
for record in /var/lib/vmwright/changes/*; do
  case $record in *.new | *.packages | *.log) continue ;; esac
  [ -f "$record" ] || continue
  echo "record \${record##*/}"
  cat "$record"
done
exit 0`
