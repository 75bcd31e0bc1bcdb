#!/usr/bin/env bash
# Installs Chromium, in which the browser tests open the pages, where it is missing and apt can.
set -u
command -v chromium >/dev/null && exit 0
command -v chromium-browser >/dev/null && exit 0

missing() {
  echo "chromium: $1; the browser tests will be skipped. Install Chromium to run them." >&2
  exit 0
}

command -v apt-get >/dev/null || missing "there is none, and no apt-get to install it with"
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || missing "there is none, and apt-get takes root"
  as_root=(sudo -n)
fi
echo "chromium: installing ..."
export DEBIAN_FRONTEND=noninteractive
install() { "${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; }
install || { "${as_root[@]}" apt-get update -qq >/dev/null 2>&1 && install; } ||
  missing "apt-get could not install it"
