#!/usr/bin/env bash
# Installs the Debian packages that building and testing the packages needs. Run it as root; it does nothing
# and asks no network when all of them are there.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

packages=(
  debhelper dpkg-dev fakeroot lintian  # scripts/deb.mjs and its test
  systemd systemd-container dbus       # the throw-away machine
  iproute2 nftables procps openssl     # addresses, rules and certificates in it, and the carrier
  prometheus chromium                  # test/system/monitoring, which starts both by itself
  firefox-esr                          # test/system/firefox
)

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

apt=(apt-get -o DPkg::Lock::Timeout=300 -q)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
