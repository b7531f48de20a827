#!/bin/bash
# Sets the peers up, makes the models and runs the comparison: bench/run_encoder_bench.sh [BUILD] [options of
# run_encoder_bench.py, for instance --quick]. Results go to bench/out/*.md.
#   ONECOPY_PEERS_VENV    a Python environment with peers/requirements.txt (default: made in bench/out)
#   ONECOPY_BENCH_MODELS  where the random models and what the peers make of them are kept, 12 GB (default: bench/out/models)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../build
if [[ $# -gt 0 && $1 != -* ]]; then build=$1; shift; fi
venv=${ONECOPY_PEERS_VENV:-$here/out/venv}
models=${ONECOPY_BENCH_MODELS:-$here/out/models}

if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q -r "$here/peers/requirements.txt"
fi
for kind in roberta-base bert-large distilbert; do
  [[ -f $models/$kind/model.safetensors ]] || "$venv/bin/python" "$here/make_random_model.py" $kind "$models/$kind"
done
cmake --build "$build" --target encoder_bench read_bench
"$venv/bin/python" "$here/run_encoder_bench.py" --build "$build" --models "$models" --out "$here/out" "$@"
