// From the spans of all windows to the answers that a user sees, as the question-answering pipeline
// does it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/protocol/mailbox_format.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/decode/code_points.h"
#include "worker/decode/qa_spans.h"

namespace onecopy::worker {

// Class QaAnswerList: collects the spans of one context's windows. Borrows the context. One thread.
//
// None can be left out before the last window: any answer may be found again and outgrow the
// others. So they are kept small, without their text, and their number is bounded.
class QaAnswerList {
 public:
  explicit QaAnswerList(std::string_view context) : context_(context), index_(context) {}

  // Adds a span of `window`, the model input it was found in. An answer whose text equals an
  // earlier one's after lower-casing adds its score to that one, wherever either was found.
  // kTooLarge for more than limits::kQaAnswers different ones.
  Status add(const QaSpan& span, const Tokens& window, bool align_to_words);

  // The null answer takes part last and loses ties.
  void add_null(float score);

  // The best top_k, descending by score; those of equal score in the order of their addition.
  std::vector<QaAnswer> best(std::size_t top_k) &&;

 private:
  struct Kept {
    double score;
    Offset offset;
    std::uint64_t hash;  // of the lower-cased text
  };

  std::string_view text_of(Offset offset) const;
  QaAnswer answer_of(const Kept& kept) const;
  // Where the table says, or is to say, which answer has this text.
  std::uint32_t& place_of(Offset offset, std::string_view lower, std::uint64_t hash);
  bool is_same(const Kept& kept, Offset offset, std::string_view lower, std::uint64_t hash) const;
  void grow_table();

  std::string_view context_;
  CodePointIndex index_;
  std::vector<Kept> answers_;  // in the order of their addition
  // Hash table with open addressing, at most half full, its size a power of two: the answer's place
  // + 1, or 0.
  std::vector<std::uint32_t> table_;
};

// Offsets that the span stands for: with align_to_words from the first character of the start
// token's word to the last of the end token's word, words being looked up among the window's
// context tokens; where either isn't there, the tokens' own offsets.
Offset answer_offsets(const QaSpan& span, const Tokens& window, bool align_to_words);

}  // namespace onecopy::worker
