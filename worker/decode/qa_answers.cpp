#include "worker/decode/qa_answers.h"

#include <algorithm>
#include <optional>

#include "worker/decode/lower_case.h"

namespace onecopy::worker {
namespace {

constexpr std::uint8_t kContextSequence = 1;

// Offsets of a word of the context, by its index; only this window's tokens count.
std::optional<Offset> word_offsets(const Tokens& window, std::int32_t word) {
  if (word == kNoWord) return std::nullopt;
  std::optional<Offset> found;
  for (std::size_t i = 0; i < window.size(); ++i) {
    if (window.sequences[i] != kContextSequence) continue;
    if (window.words[i] > word) break;  // words come in ascending order
    if (window.words[i] != word) continue;
    if (!found) found = window.offsets[i];
    found->end = window.offsets[i].end;
  }
  return found;
}

}  // namespace

Offset answer_offsets(const QaSpan& span, const Tokens& window, bool align_to_words) {
  if (align_to_words) {
    const auto first = word_offsets(window, window.words[span.start]);
    const auto last = word_offsets(window, window.words[span.end]);
    if (first && last) return {first->start, last->end};
  }
  return {window.offsets[span.start].start, window.offsets[span.end].end};
}

void QaAnswerList::add(const QaSpan& span, const Tokens& window, bool align_to_words) {
  const Offset offset = answer_offsets(span, window, align_to_words);
  const std::uint32_t byte_start = index_.byte_offset(offset.start);
  const std::uint32_t byte_end = std::max(byte_start, index_.byte_offset(offset.end));
  const auto score = static_cast<double>(span.score);
  const std::string text = lower_case(context_.substr(byte_start, byte_end - byte_start));
  const auto [place, is_new] = by_text_.try_emplace(text, answers_.size());
  if (is_new) {
    answers_.push_back({score, offset.start, offset.end, byte_start, byte_end});
  } else {
    answers_[place->second].score += score;
  }
}

void QaAnswerList::add_null(float score) {
  answers_.push_back({static_cast<double>(score), 0, 0, 0, 0});
}

std::vector<QaAnswer> QaAnswerList::best(std::size_t top_k) && {
  std::stable_sort(answers_.begin(), answers_.end(),
                   [](const QaAnswer& a, const QaAnswer& b) { return a.score > b.score; });
  if (answers_.size() > top_k) answers_.resize(top_k);
  return std::move(answers_);
}

}  // namespace onecopy::worker
