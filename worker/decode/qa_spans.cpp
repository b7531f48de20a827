#include "worker/decode/qa_spans.h"

#include <algorithm>
#include <cmath>
#include <queue>

namespace onecopy::worker {
namespace {

constexpr float kDisallowedLogit = -10000.0F;

std::vector<float> masked_softmax(std::span<const float> logits,
                                  std::span<const std::uint8_t> allowed) {
  std::vector<float> p(logits.size());
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = allowed[i] != 0 ? logits[i] : kDisallowedLogit;
  const float largest = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (float& value : p) {
    value = std::exp(value - largest);
    sum += static_cast<double>(value);
  }
  for (float& value : p) value /= static_cast<float>(sum);
  return p;
}

// Whether a ranks before b.
bool better(const QaSpan& a, const QaSpan& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.start != b.start ? a.start < b.start : a.end < b.end;
}

}  // namespace

QaSpans best_spans(std::span<const float> start_logits, std::span<const float> end_logits,
                   std::span<const std::uint8_t> allowed, std::size_t count,
                   std::size_t max_answer_len) {
  std::vector<float> start = masked_softmax(start_logits, allowed);
  std::vector<float> end = masked_softmax(end_logits, allowed);
  QaSpans result;
  result.null_score = start[0] * end[0];
  start[0] = 0;
  end[0] = 0;

  // The worst of the best `count` is on top.
  std::priority_queue<QaSpan, std::vector<QaSpan>, decltype(&better)> kept(&better);
  for (std::size_t s = 0; s < start.size(); ++s) {
    if (start[s] == 0) continue;
    const std::size_t last = std::min(start.size() - s, max_answer_len) + s;
    for (std::size_t e = s; e < last; ++e) {
      const QaSpan candidate{s, e, start[s] * end[e]};
      if (candidate.score <= 0) continue;
      if (kept.size() == count && !better(candidate, kept.top())) continue;
      kept.push(candidate);
      if (kept.size() > count) kept.pop();
    }
  }
  result.best.resize(kept.size());
  for (std::size_t i = kept.size(); i-- > 0; kept.pop()) result.best[i] = kept.top();
  return result;
}

}  // namespace onecopy::worker
