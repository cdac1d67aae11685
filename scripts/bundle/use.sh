# Sourced by setup.sh: what it does with a bundle made by `make deps-bundle`. docs/offline.md tells about both.
# shellcheck shell=sh disable=SC2154

# Where a bundle lies unpacked. Image builds find its packages here too.
bundle_dir=/var/lib/vmwright/bundle

# Finds a bundle and makes sure that it lies in $bundle_dir, whole and for this machine. Without one it does nothing.
use_bundle() {
  bundle=
  source=${VMWRIGHT_BUNDLE:-}
  if [ -z "$source" ]; then
    for source in vmwright-deps-*.tar "$bundle_dir"; do
      if [ -e "$source" ]; then break; fi
    done
  elif [ ! -e "$source" ]; then
    die "VMWRIGHT_BUNDLE names $source, which does not exist"
  fi
  [ -e "$source" ] || return 0
  require_fitting_bundle
  if [ "$source" != "$bundle_dir" ] && ! bundle_member SHA256SUMS | cmp -s - "$bundle_dir/SHA256SUMS"; then
    take_bundle
  fi
  bundle=$bundle_dir
}

# The file $1 of the bundle. RELEASE and SHA256SUMS are its first members.
bundle_member() {
  if [ -d "$source" ]; then
    cat "$source/$1"
  else
    tar --extract --to-stdout --occurrence=1 --file="$source" "vmwright-deps/$1"
  fi
}

require_fitting_bundle() {
  bundle_member RELEASE >"$log" 2>/dev/null || die "$source is not a bundle of vmwright (make deps-bundle makes one)"
  read -r distribution suite architecture components <"$log" || true
  # shellcheck source=/dev/null
  here=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_CODENAME:-}")
  here="$here $(dpkg --print-architecture)"
  [ "$distribution $suite $architecture" = "$here" ] ||
    die "the bundle $source is for $distribution $suite $architecture, and this machine has $here; make it on a machine like this one, or remove it to work without"
}

# It has its place only when each file has its digest and nothing else is there.
take_bundle() {
  say "Taking over the bundle $source"
  partial=$bundle_dir.partial
  as_root rm -rf "$partial"
  as_root mkdir -p "$partial"
  if [ -d "$source" ]; then
    must "copying the bundle" as_root cp -R "$source/." "$partial/"
  else
    must "unpacking the bundle" as_root tar --extract --file="$source" --directory="$partial" \
      --strip-components=1 --no-same-owner --no-same-permissions
  fi
  as_root chmod -R u=rwX,go=rX "$partial"
  [ -z "$(as_root find "$partial" ! -type f ! -type d)" ] || die "the bundle $source has something else than files"
  watched "checking the bundle" as_root sh -c 'cd "$1" && sha256sum --check --quiet --strict SHA256SUMS' - "$partial" ||
    {
      cat "$log" >&2
      die "the bundle $source is damaged: copy it again"
    }
  listed=$(wc -l <"$partial/SHA256SUMS")
  [ "$(as_root find "$partial" -type f | wc -l)" = $((listed + 2)) ] ||
    die "the bundle $source has files that its SHA256SUMS does not name"
  for scheme in file copy; do
    bundle_sources $scheme | as_root tee "$partial/sources-$scheme.list" >/dev/null
  done
  as_root rm -rf "$bundle_dir"
  as_root mv "$partial" "$bundle_dir"
}

# Lines of sources.list. The lists are signed by the distribution as always, but grow old.
bundle_sources() {
  for dist in "$partial"/apt/dists/*; do
    printf 'deb [target=Packages check-valid-until=no signed-by=%s] %s:%s %s %s\n' \
      "/usr/share/keyrings/$distribution-archive-keyring.gpg" "$1" "$bundle_dir/apt" "${dist##*/}" "$components"
  done
}

# apt-get with the bundle as its only source; what the machine knows of other sources stays as it is.
bundle_apt_get() {
  as_root mkdir -p "$bundle_dir.lists/partial"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o "Dir::Etc::SourceList=$bundle/sources-file.list" \
    -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$bundle_dir.lists" -o DPkg::Lock::Timeout=300 "$@"
}

# `npm ci` from the bundle, by a registry on the loopback interface.
bundle_npm_ci() {
  scratch=$(mktemp -d)
  node scripts/bundle/registry.mjs "$bundle/npm" "$scratch/port" &
  registry=$!
  until [ -s "$scratch/port" ]; do
    kill -0 "$registry" || return
    sleep 0.05
  done
  NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 npm_config_noproxy=127.0.0.1 npm ci --loglevel=error \
    --cache "$scratch/cache" --registry "http://127.0.0.1:$(cat "$scratch/port")/" && status=0 || status=$?
  kill "$registry"
  rm -rf "$scratch"
  return "$status"
}
