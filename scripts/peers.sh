# Programs and sources of others, from Debian's archive. Sourced by scripts/bench, scripts/test and scripts/soak behind setup.sh, whose
# `fail`, `quietly` and `as_owner` it takes. Installed, some of the programs would start services on the host: they are unpacked into a folder
# of ours and run from there.

# on_path FOLDER: programs that are unpacked there are found, and their libraries.
on_path() {
  local folder
  [[ -d $1 ]] || return 0
  PATH=$PATH:$1/usr/sbin:$1/usr/bin
  for folder in "$1"/usr/lib/*-linux-gnu; do
    [[ ! -d $folder ]] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
  done
}

# unpack FOLDER PACKAGE... [-- ALONE...]: these, and those of their libraries that are not installed; ALONE without any.
unpack() {
  local folder=$1
  shift
  command -v apt-get >/dev/null || fail "please install what Debian calls: $*"
  echo "${0##*/}: unpacking $* into ${folder#"$root"/}" >&2
  # Package lists that are there and fresh enough save the update.
  quietly unpack_into "$folder" "$@" 2>/dev/null || {
    quietly apt-get update -qq || fail "apt-get update failed; what it said is above"
    quietly unpack_into "$folder" "$@" || fail "could not unpack $*; what apt-get said is above"
  }
}

unpack_into() (
  folder=$1 packages=()
  shift
  while [[ $# -gt 0 && $1 != -- ]]; do packages+=("$1") && shift; done
  [[ $# -eq 0 ]] || shift
  missing=$(apt-get install -s -qq --no-install-recommends --allow-downgrades "${packages[@]}") || exit 1
  for name in $(sed -n 's/^Inst \([^ ]*\).*/\1/p' <<<"$missing"); do
    [[ " ${packages[*]}" == *" $name"* ]] || packages+=("$name")
  done
  as_owner mkdir -p "$folder"
  cd "$folder" || exit 1
  as_owner apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" "$@" || exit 1
  for file in *.deb; do as_owner dpkg -x "$file" . || exit 1; done
  rm -- *.deb
)

# The web server of the soak.
nginx_there() {
  on_path "$root/build/peers/nginx"
  command -v nginx >/dev/null && return
  unpack "$root/build/peers/nginx" nginx
  on_path "$root/build/peers/nginx"
  command -v nginx >/dev/null || fail "the package lacks nginx: remove build/peers/nginx and try again"
}

haproxy_there() {
  on_path "$root/build/peers/haproxy"
  command -v haproxy >/dev/null && return
  unpack "$root/build/peers/haproxy" haproxy
  on_path "$root/build/peers/haproxy"
  command -v haproxy >/dev/null || fail "the package lacks haproxy: remove build/peers/haproxy and try again"
}

# source_of PACKAGE FOLDER: what its authors published, without Debian's changes, of the newest version whose source is to be had. Its
# number is in FOLDER.version then. The host's own list of archives is read and not changed: source packages come from the same ones.
source_of() {
  local name=$1 folder=$2
  command -v apt-get >/dev/null || fail "needs Debian's apt-get, for the source of $name"
  echo "${0##*/}: fetching the source of $name into ${folder#"$root"/}" >&2
  quietly source_into "$name" "$folder" || fail "could not fetch the source of $name; what apt-get said is above"
}

source_into() (
  name=$1 folder=$2 apt=$2.apt
  rm -rf "$folder" "$apt"
  as_owner mkdir -p "$folder" "$apt/parts" "$apt/lists/partial"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    # Archives of others have programs only.
    grep -qsE '/debian(-security)?|/ubuntu' "$file" || continue
    sed -E 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$file" >"$apt/parts/${file##*/}"
  done
  options=(-qq -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/parts"
    -o Dir::State::lists="$apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
  apt-get "${options[@]}" update || exit 1
  cd "$apt" || exit 1
  versions=$(apt-cache "${options[@]}" madison "$name" | awk '{ print $3 }' | sort -Vru)
  for version in $versions; do
    apt-get "${options[@]}" source --download-only --only-source "$name=$version" || continue
    as_owner tar -C "$folder" --strip-components=1 --no-same-owner -xf "$apt/${name}"_*.orig.tar.*[a-z2] || exit 1
    echo "$version" >"$folder.version"
    rm -rf "$apt"
    exit 0
  done
  exit 1
)

# What makes and judges packages; none of it starts anything. A machine of another kind than x86-64 has another cross compiler.
packagers_there() {
  local packages=() pair tools=(dh:debhelper lintian:lintian)
  [[ $(uname -m) != x86_64 ]] || tools+=(aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu)
  [[ $(uname -m) != aarch64 ]] || tools+=(x86_64-linux-gnu-gcc:gcc-x86-64-linux-gnu)
  for pair in "${tools[@]}"; do
    command -v "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
  done
  [[ " ${packages[*]}" != *gcc-aarch64* ]] || packages+=(libc6-dev-arm64-cross)
  [[ " ${packages[*]}" != *gcc-x86-64* ]] || packages+=(libc6-dev-amd64-cross)
  [[ ${#packages[@]} -gt 0 ]] || return 0
  echo "${0##*/}: installing ${packages[*]}" >&2
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" ||
    fail "could not install ${packages[*]}; what apt-get said is above"
}
