#!/usr/bin/env bash
# clang-format and clang-tidy on the files that differ from BASE (default: the commit before the last), or on
# all files with `tools/dev/lint.sh all`. Needs a configured build folder for the compile commands.
set -euo pipefail
cd "$(dirname "$0")/../.."
base=${1:-HEAD~1}
if [ "$base" = all ] || ! git rev-parse -q --verify "$base^{commit}" >/dev/null; then
  mapfile -t files < <(git ls-files '*.cpp' '*.h')
else
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h')
fi
if [ ${#files[@]} = 0 ]; then
  echo "no C++ file changed"
  exit 0
fi
clang-format-16 --dry-run -Werror "${files[@]}"
build=build
sources=()
for file in "${files[@]}"; do
  if [[ $file == *.cpp ]] && grep -qF "/$file\"" $build/compile_commands.json; then sources+=("$file"); fi
done
if [ ${#sources[@]} -gt 0 ]; then
  printf '%s\n' "${sources[@]}" | xargs -P 2 -n 4 clang-tidy-16 --quiet -p $build \
    --extra-arg=-Wno-unknown-warning-option
fi
echo "${#files[@]} files formatted, ${#sources[@]} linted"
