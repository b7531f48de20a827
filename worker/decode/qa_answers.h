// From the spans of all windows to the answers that a user sees, as the question-answering pipeline
// does it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared/protocol/mailbox_format.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/decode/code_points.h"
#include "worker/decode/qa_spans.h"

namespace onecopy::worker {

// Class QaAnswerList: collects the spans of one context's windows. Borrows the context. One thread.
class QaAnswerList {
 public:
  explicit QaAnswerList(std::string_view context) : context_(context), index_(context) {}

  // Adds a span of `window`, the model input it was found in. An answer whose text equals an
  // earlier one's after lower-casing adds its score to that one, wherever either was found.
  void add(const QaSpan& span, const Tokens& window, bool align_to_words);

  // The null answer takes part last and loses ties.
  void add_null(float score);

  // The best top_k, descending by score; those of equal score in the order of their addition.
  std::vector<QaAnswer> best(std::size_t top_k) &&;

 private:
  std::string_view context_;
  CodePointIndex index_;
  std::vector<QaAnswer> answers_;
  std::unordered_map<std::string, std::size_t> by_text_;  // lower-cased text -> place in answers_
};

// Offsets that the span stands for: with align_to_words from the first character of the start
// token's word to the last of the end token's word, words being looked up among the window's
// context tokens; where either isn't there, the tokens' own offsets.
Offset answer_offsets(const QaSpan& span, const Tokens& window, bool align_to_words);

}  // namespace onecopy::worker
