// From a window's start and end logits to its best spans, as the question-answering pipeline
// decodes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace onecopy::worker {

// Tokens start .. end (inclusive) of the window's model input.
struct QaSpan {
  std::size_t start = 0;
  std::size_t end = 0;
  float score = 0;  // P(start) * P(end), each a softmax over the window's allowed tokens
};

struct QaSpans {
  std::vector<QaSpan> best;  // descending by score, then by position; only scores above 0
  float null_score = 0;      // P(start = 0) * P(end = 0): that there is no answer
};

// `allowed` says for each token whether an answer may begin or end there; logits of the others
// count as -10000. Token 0 (CLS) takes part in the softmax but begins and ends no answer. Time:
// tokens * max_answer_len. Spans of score 0 are left out: which of them the pipeline picks hangs on
// how numpy partitions equal values.
QaSpans best_spans(std::span<const float> start_logits, std::span<const float> end_logits,
                   std::span<const std::uint8_t> allowed, std::size_t count,
                   std::size_t max_answer_len);

}  // namespace onecopy::worker
