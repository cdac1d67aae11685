/** Name of an incomplete clone in the pool's folder or the workspace. Ends in eight random digits and `.partial`. */
export const partialName = (volume: string, random: Uint8Array): string =>
  `.vmwright-${volume}-${Buffer.from(random).toString('hex')}.partial`

/** True for a file that an interrupted clone left, or that one now writes. */
export const isPartial = (name: string): boolean => /^\.vmwright-.+-[0-9a-f]{8}\.partial$/s.test(name)

/** Exit codes of the script that are no failures of a program in it. */
export const exit = { exists: 40, tooSmall: 41, noReflink: 42 } as const

/**
 * Clones one disk file. `$1` mode, `$2` format, `$3` source, `$4` target, `$5` size or nothing, `$6` keep or replace,
 * `$7` folder of the target, `$8` workspace or nothing, `$9` name of the incomplete file, `${10}` the part of that
 * name that earlier runs share.
 *
 * Whoever copies is watched: once a second the size of what is there is written to the output. When nobody reads it
 * any more, or the script itself was killed, the copy is killed and what it made removed, so that a copy never
 * outlives the run that wanted it. Should it come to its end before that, its rename fails, because the next run
 * removes all incomplete files of this volume before it begins.
 *
 * Whether another program writes to the disk is asked before it is copied. A reflink is of one moment in any case.
 * A disk that refers to other files, or has internal snapshots (which would get into the way of the clone's own of
 * the same name), or is a block device, is not copied but converted: to the same format, on its own, as it is now.
 */
export const cloneScript = `
LC_ALL=C; export LC_ALL; umask 077
mode=$1 format=$2 source=$3 target=$4 size=$5 existing=$6 folder=$7 workspace=$8 partial=$7/$9 name=$9 stale=\${10}
first=$partial
if [ -n "$workspace" ]; then mkdir -p -- "$workspace" || exit 1; first=$workspace/$name; fi

clean() { rm -f -- "$partial" "$first"; }
fail() { code=$1; clean; exit "$code"; }

digits='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
for old in "$folder/$stale"$digits$digits.partial "\${workspace:-$folder}/$stale"$digits$digits.partial; do
  if [ -e "$old" ]; then rm -f -- "$old"; fi
done
if [ "$existing" = keep ] && [ -e "$target" ]; then exit ${exit.exists}; fi

if ! [ -r "$source" ]; then echo "there is no such file, or it cannot be read" >&2; exit 1; fi
alone=yes
if [ -b "$source" ]; then
  alone=no bytes=$(blockdev --getsize64 "$source") || exit 1
elif [ "$format" = qcow2 ]; then
  set -- $(od -An -v -tx1 -N80 -- "$source")
  if [ "$1$2$3$4" != 514649fb ]; then echo "it is no qcow2" >&2; exit 1; fi
  bytes=$((0x\${25}\${26}\${27}\${28}\${29}\${30}\${31}\${32})) || exit 1
  case \${9}\${10}\${11}\${12}\${13}\${14}\${15}\${16}\${61}\${62}\${63}\${64} in *[!0]*) alone=no;; esac
  case $8\${80} in 02*|?*[012389ab]) ;; *) alone=no;; esac
else
  bytes=$(stat -L -c %s -- "$source") || exit 1
fi
if [ -n "$size" ] && [ "$size" -lt "$bytes" ]; then exit ${exit.tooSmall}; fi

worker=
watch() {
  trap '' PIPE
  while sleep 1 </dev/null >/dev/null 2>&1; do
    if kill -0 "$$" 2>/dev/null; then
      copied=$(stat -c '%b * %B' -- "$1" 2>/dev/null) || copied=0
      printf 'copied %s\\n' "$(($copied))" 2>/dev/null && continue
    fi
    kill -9 "$worker"; clean; exit
  done
}
watched() {
  file=$1; shift
  "$@" & worker=$!
  watch "$file" & watcher=$!
  wait "$worker"; code=$?
  kill "$watcher" 2>/dev/null
  return "$code"
}

made=no
if [ "$mode" != copy ]; then
  if [ "$alone" = no ]; then
    why="$source refers to other files or has snapshots inside"
  elif why=$(cp --no-preserve=mode --reflink=always -- "$source" "$partial" 2>&1); then
    made=yes
  fi
  if [ "$made" = no ]; then
    rm -f -- "$partial"
    if [ "$mode" = reflink ]; then echo "$why" >&2; exit ${exit.noReflink}; fi
  fi
fi
if [ "$made" = no ]; then
  qemu-img info -f "$format" -- "$source" >/dev/null || exit 1
  echo "total $(($(stat -L -c '%b * %B' -- "$source")))"
  if [ "$alone" = yes ]; then
    watched "$first" cp --no-preserve=mode --reflink=auto -- "$source" "$first" || fail 1
  else
    watched "$first" qemu-img convert -W -m 8 -f "$format" -O "$format" -- "$source" "$first" || fail 1
  fi
  if [ "$first" != "$partial" ]; then watched "$partial" mv -f -T -- "$first" "$partial" || fail 1; fi
fi
if [ -n "$size" ] && [ "$size" -gt "$bytes" ]; then
  qemu-img resize -q -f "$format" -- "$partial" "$size" || fail 1
fi
mv -f -T -- "$partial" "$target" || fail 1
`

/** Removes an incomplete clone: `$1` folder of the target, `$2` workspace or nothing, `$3` its name. */
export const removeScript = `rm -f -- "$1/$3" \${2:+"$2/$3"}`
