#!/bin/bash
# Calls the program for a verb of the Makefile: `operate.sh TAKES COMMAND [OPTION…]`. TAKES is what of the settings
# the command understands: `names` SPEC and LIMIT, `spec` SPEC alone, `options` neither. SPEC, LIMIT and EXTRA_ARGS
# come by the environment.
set -euo pipefail

# Puts the words of $1 into `words`, as a shell would split them, quotes honoured, nothing expanded or run.
split() {
  local text
  words=()
  text=$(xargs -r -n 1 printf '%s\n' <<<"$1" 2>/dev/null) || usage "the quotes in $2 do not match"
  [ -z "$text" ] || mapfile -t words <<<"$text"
}

usage() {
  echo "make: $1" >&2
  exit 64
}

takes=$1
shift
command=("$@")
if [ "$takes" != options ]; then command+=(-f "$SPEC"); fi
split "${EXTRA_ARGS:-}" EXTRA_ARGS
command+=("${words[@]}")
split "${LIMIT//,/ }" LIMIT
if [ ${#words[@]} -gt 0 ]; then
  [ "$takes" = names ] || usage "'$1' is for all machines, so LIMIT cannot be obeyed; leave it out"
  # Behind two dashes no name can be an option.
  command+=(-- "${words[@]}")
fi
exec "${VMWRIGHT:-./vmwright}" "${command[@]}"
