/**
 * One line in a file of `key = value` lines. Everything else stays byte for byte: the file is cut at the line by its
 * number, never read into a variable. Where a key has several lines the last counts.
 */
const common = `
# Sets 'number' (0: none) and 'line' for the last line of the key in the file.
find_line() {
  number=$(KEY=$2 awk '{ line = $0; sub(/^[ \\t]+/, "", line); size = length(ENVIRON["KEY"])
    if (substr(line, 1, size) == ENVIRON["KEY"] && substr(line, size + 1) ~ /^[ \\t]*=/) found = NR }
    END { print found + 0 }' "$1")
  line=
  [ "$number" = 0 ] || line=$(sed -n "$number{p;q;}" "$1")
}
ends_open() { [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; }
lines_in() { awk 'END { print NR }' "$1"; }
reread() {
  [ -n "$1" ] || return 0
  if [ -d /run/systemd/system ]; then
    systemctl try-restart "$1.service" >/dev/null 2>&1 || say "$1 could not be restarted, so it has not read $2 yet"
  elif cat /proc/[0-9]*/comm 2>/dev/null | grep -qxF -- "$(printf %.15s "$1")"; then
    say "$1 reads $2 with its next start: restart it yourself, there is no systemd"
  fi
}
`

/** `$3`: path; `$4`: key; `$5`: the whole line; `$6`: service that has to read it, or empty. */
export const lineChange = `${common}
path=$3
[ -d "\${path%/*}" ] || failed missing "the host has no folder \${path%/*}"
turn
if [ -e "$path" ]; then find_line "$path" "$4"; else number=absent; fi
{
  told path "$path"; told key "$4"; told reload "$6"
  case $number in
    absent) told state no-file ;;
    0) told state no-line; ! ends_open "$path" || told open yes ;;
    *) told state line; told line "$line" ;;
  esac
} | keep "$2" "$5" || exit 9
if [ "$number" != absent ] && [ "$line" = "$5" ] && [ "$number" != 0 ]; then echo done; exit 0; fi
case $number in
  absent) printf '%s\\n' "$5" ;;
  0) cat "$path"; ! ends_open "$path" || echo; printf '%s\\n' "$5" ;;
  *)
    head -n $((number - 1)) "$path"
    printf %s "$5"
    if [ "$number" = "$(lines_in "$path")" ] && ends_open "$path"; then :; else echo; fi
    tail -n +$((number + 1)) "$path"
    ;;
esac | replace_file "$path" 644 || failed write "$path cannot be written"
find_line "$path" "$4"
[ "$line" = "$5" ] || failed verify "$path does not have the line afterwards"
reread "$6" "$path"
echo done`

export const lineRestore = `${common}
turn_for_restore
path=$(before path) key=$(before key) state_before=$(before state) old=$(before line) open=$(before open)
if [ ! -e "$path" ]; then
  if [ "$state_before" = no-file ]; then outcome already; else outcome kept "$path is gone"; fi
fi
find_line "$path" "$key"
if [ "$number" = 0 ]; then
  if [ "$state_before" = line ]; then outcome kept 'the line is gone'; else outcome already; fi
fi
if [ "$state_before" = line ] && [ "$line" = "$old" ]; then outcome already; fi
is_ours "$line" || outcome kept 'the line is another one by now'
is_last=
[ "$number" != "$(lines_in "$path")" ] || is_last=yes
if [ "$state_before" = no-file ] && [ "$(lines_in "$path")" = 1 ]; then
  rm -f -- "$path"
elif [ "$state_before" = line ]; then
  {
    head -n $((number - 1)) "$path"
    printf %s "$old"
    if [ -n "$is_last" ] && ends_open "$path"; then :; else echo; fi
    tail -n +$((number + 1)) "$path"
  } | replace_file "$path" 644 || failed write "$path cannot be written"
elif [ "$open" = yes ] && [ -n "$is_last" ]; then
  head -n $((number - 1)) "$path" | head -c -1 | replace_file "$path" 644 || failed write "$path cannot be written"
else
  { head -n $((number - 1)) "$path"; tail -n +$((number + 1)) "$path"; } | replace_file "$path" 644 ||
    failed write "$path cannot be written"
fi
reread "$(before reload)" "$path"
outcome done`
