#!/usr/bin/env bash
# Who includes whom, clang-format on all files, Python compiled, and clang-tidy on the C++ files that differ from
# BASE: by default three commits ago; `tools/dev/lint.sh all` for all of them. Needs a
# configured build folder for the compile commands.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build
base=${1:-HEAD~3}
tools/dev/check_includes.py
mapfile -t all < <(git ls-files '*.cpp' '*.h')
clang-format-16 --dry-run -Werror "${all[@]}"
mapfile -t python < <(git ls-files '*.py')
PYTHONPYCACHEPREFIX=$(mktemp -d) python3 -W error -m py_compile "${python[@]}"

if [ "$base" = all ] || ! git rev-parse -q --verify "$base^{commit}" >/dev/null; then
  changed=("${all[@]}")
else
  mapfile -t changed < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h')
fi
sources=()
for file in "${changed[@]}"; do
  if [[ $file == *.cpp ]] && grep -qF "/$file\"" $build/compile_commands.json; then sources+=("$file"); fi
done
if [ ${#sources[@]} -gt 0 ]; then
  printf '%s\n' "${sources[@]}" | xargs -P 2 -n 4 clang-tidy-16 --quiet -p $build \
    --extra-arg=-Wno-unknown-warning-option
fi
echo "${#all[@]} files formatted, ${#python[@]} Python files compiled, ${#sources[@]} of ${#changed[@]} changed files linted"
