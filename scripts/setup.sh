# Makes a fresh clone ready to run. Sourced by scripts/lab and scripts/test, which have set -euo
# pipefail, with the TypeScript projects to compile as its arguments; afterwards $root is the checkout. Each check is one line when it fails and silent when all
# is well, and a second run costs less than a second. Installs only Debian packages whose commands are
# missing, and nothing that would start a service on the host (redis-server would; redis-tools has the
# same program: see netns/real-servers.ts).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# For node as root: src/control/system/signals.ts says why.
no_debugger=--inspect-port=192.0.2.1:1024
PATH=$PATH:/usr/sbin:/sbin # `su` without a dash leaves them out, and ip and tcpdump may live there

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Runs a command silently; shows how its words began only if it fails (npm adds pages of usage).
quietly() {
  local said
  said=$("$@" 2>&1) && return
  head -n 15 <<<"$said" >&2
  return 1
}

# In a user's clone under sudo, what is built belongs to the user, not to root.
as_owner() {
  if [[ -n ${SUDO_USER:-} && $SUDO_USER != root && $(stat -c %U "$root") == "$SUDO_USER" ]]; then
    runuser -u "$SUDO_USER" -- env "HOME=$(getent passwd "$SUDO_USER" | cut -d: -f6)" "$@"
  else
    "$@"
  fi
}

check_system() {
  [[ $(uname -s) == Linux ]] || fail "needs Linux: TAP devices and network namespaces"
  [[ $EUID -eq 0 ]] || fail "needs root: run it with sudo"
  command -v node >/dev/null ||
    fail "no node on root's PATH: install Node 20.19 or newer, or run sudo env \"PATH=\$PATH\" $0"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number)
    process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "needs Node 20.19 or newer, this is $(node --version)"
  [[ -c /dev/net/tun ]] || modprobe tun 2>/dev/null || true
  [[ -c /dev/net/tun ]] ||
    fail "no /dev/net/tun: load the tun module, or start the container with --device /dev/net/tun"
}

install_packages() {
  local packages=() pair tools=(ip:iproute2 tcpdump:tcpdump ethtool:ethtool socat:socat
    redis-cli:redis-tools gcc:gcc ping:iputils-ping)
  # What only tests ask for: the judge of the unit file, a reader of captures, another NAT, who looks at the page, who asks for
  # the way, and who serves and asks by UDP; none of them starts a service.
  [[ ${0##*/} != test ]] || tools+=(systemd-analyze:systemd tshark:tshark nft:nftables chromium:chromium
    traceroute:traceroute tracepath:iputils-tracepath dnsmasq:dnsmasq-base dig:bind9-dnsutils iperf3:iperf3)
  [[ ${0##*/} != soak ]] || tools+=(dnsmasq:dnsmasq-base)
  for pair in "${tools[@]}"; do
    command -v "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
  done
  [[ -e /usr/include/stdlib.h ]] || packages+=(libc6-dev)
  [[ ${#packages[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null || fail "please install what Debian calls: ${packages[*]}"
  echo "${0##*/}: installing ${packages[*]}" >&2
  local install=(env DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "${packages[@]}")
  # Package lists that are there and fresh enough save the update.
  "${install[@]}" >/dev/null 2>&1 && return
  quietly apt-get update -qq || fail "apt-get update failed; what it said is above"
  quietly "${install[@]}" || fail "could not install ${packages[*]}; what apt-get said is above"
}

build() {
  # npm writes this file last, so it is the stamp of a whole installation.
  local stamp=node_modules/.package-lock.json
  if [[ ! -e $stamp || package-lock.json -nt $stamp ]]; then
    echo "${0##*/}: npm ci" >&2
    quietly as_owner npm ci --no-audit --no-fund || fail "npm ci failed; what it said is above"
    [[ ! -e $stamp ]] || as_owner touch "$stamp"
  fi
  quietly as_owner node scripts/build-native.mjs || fail "the native addon could not be built"
  # Projects at the same time; several checkers of one would each look into what they share.
  quietly as_owner node_modules/.bin/tsc -b "$@" --checkers 1 || fail "the TypeScript could not be compiled"
  quietly as_owner node scripts/bundle.mjs || fail "what a daemon starts with could not be bundled"
  if page_is_old; then quietly as_owner npm run -s build:ui || fail "the page could not be built"; fi
}

# True if something that the page may be made of has changed since it was built.
page_is_old() {
  [[ ! -e dist/ui/index.html || -n $(find ui src package-lock.json -newer dist/ui/index.html -print -quit) ]]
}

setup() {
  check_system
  install_packages
  # Two at once would trip over each other's half-written node_modules. The lock is the folder itself;
  # it is let go when the subshell ends, so no child of the caller holds on to it.
  (
    cd "$root"
    exec 9<.
    flock 9
    build "$@"
  ) || exit 1
}

setup "$@"
