/**
 * The record of what was given, `access` in the state folder: one change a line, oldest first, each with the entry
 * and the mask that were there before, so that taking the lines back in reverse restores what was. A line is on the
 * disk before its change is made: after a crash in between, undo finds the former state and does nothing.
 *
 *     path uid permissions former-entry former-mask mask-set user
 *
 * Path and user as `\0ooo` for each byte; `none` where there was no entry or mask. Two runs at once take turns by a
 * lock on the folder.
 */
const common = `
export LC_ALL=C
umask 077
cd /
state=$1
record=$state/access
decode() { decoded=$(printf '%bx' "$1"); decoded=\${decoded%x}; }
entry() { printf '%s\\n' "$acl" | sed -n "s/^$1://p"; }
is_itself() {
  [ -e "$path" ] && [ ! -L "$path" ] && [ "$(readlink -f -- "$path"; echo x)" = "$path
x" ]
}
look() {
  acl=$(getfacl -cpnE -- "$path" 2>/dev/null)
  now=$(entry "user:$uid"); now=\${now:-none}
  mask=$(entry mask:); mask=\${mask:-none}
}
write_record() { sync "$record.new" 2>/dev/null || sync; mv -f "$record.new" "$record"; }
for tool in setfacl getfacl flock; do
  command -v $tool >/dev/null || { echo "lacking $tool"; exit 0; }
done
`

/**
 * `$1`: the state folder. Standard input: `path user permissions` a line. Output: `outcome [what setfacl said]` for
 * each, in order, or `lacking TOOL`. The mask grows by no more than the entry needs, so that nobody else gets more;
 * a path that is not itself any more, because somebody put a link in its place, is left alone.
 */
export const repairScript = `${common}
union() {
  both=
  for bit in r w x; do case $1$2 in *$bit*) both=$both$bit ;; *) both=$both- ;; esac; done
}
mkdir -p "$state" && exec 9<"$state" && flock 9 || exit 1
while read -r coded_path coded_user permissions; do
  decode "$coded_user"; user=$decoded
  decode "$coded_path"; path=$decoded
  uid=$(id -u -- "$user" 2>/dev/null) || uid=$user
  if ! is_itself; then echo vanished; continue; fi
  look
  if [ "$mask" = none ]; then union "$(entry group:)" "$permissions"; else union "$mask" "$permissions"; fi
  if [ "$now" = "$permissions" ] && [ "$mask" = "$both" ]; then echo already; continue; fi
  {
    [ ! -f "$record" ] || cat "$record"
    printf '%s\\n' "$coded_path $uid $permissions $now $mask $both $coded_user"
  } >"$record.new" && write_record || exit 1
  if said=$(setfacl -n -m "u:$uid:$permissions,m::$both" -- "$path" 2>&1); then
    echo done
  else
    echo "failed $(printf '%s' "$said" | tr '\\n' ' ')"
  fi
done
exit 0`

/**
 * `$1`: the state folder. Output: `outcome path user permissions [what setfacl said]` for each change taken back,
 * newest first. What others have changed since stays: an entry that is not ours any more, a mask that was set anew.
 * What could not be taken back stays in the record.
 */
export const undoScript = `${common}
[ -f "$record" ] || exit 0
exec 9<"$state" && flock 9 || exit 1
[ -f "$record" ] || exit 0
: >"$record.left"
tac "$record" | while read -r coded_path uid permissions former former_mask set_mask coded_user; do
  decode "$coded_path"; path=$decoded
  outcome=done said=
  if ! is_itself; then
    outcome=vanished
  else
    look
    if [ "$now" = "$former" ] && { [ "$now" != "$permissions" ] || [ "$mask" = "$former_mask" ]; }; then
      outcome=already
    elif [ "$now" != "$permissions" ]; then
      outcome=kept
    else
      give= take=
      if [ "$former" = none ]; then take=u:$uid; else give=u:$uid:$former; fi
      if [ "$mask" = "$set_mask" ]; then
        if [ "$former_mask" != none ]; then
          give=\${give:+$give,}m::$former_mask
        elif ! printf '%s\\n' "$acl" | grep -v "^user:$uid:" | grep -qE '^(user|group):[0-9]+:'; then
          take=\${take:+$take,}m
        fi
      fi
      said=$(setfacl -n \${take:+-x "$take"} \${give:+-m "$give"} -- "$path" 2>&1) || outcome=failed
      [ "$outcome" = done ] ||
        printf '%s\\n' "$coded_path $uid $permissions $former $former_mask $set_mask $coded_user" >>"$record.left"
    fi
  fi
  printf '%s\\n' "$outcome $coded_path $coded_user $permissions $(printf '%s' "$said" | tr '\\n' ' ')"
done
if [ -s "$record.left" ]; then
  tac "$record.left" >"$record.new" && write_record
else
  rm -f "$record"
fi
rm -f "$record.left"
exit 0`

/** `$1`: the state folder. Output: the record. */
export const recordScript = `[ ! -f "$1/access" ] || cat "$1/access"`
