#include "worker/decode/qa_answers.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>

#include "shared/base/checksum.h"
#include "shared/base/limits.h"
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

std::string_view QaAnswerList::text_of(Offset offset) const {
  const std::uint32_t begin = index_.byte_offset(offset.start);
  return context_.substr(begin, std::max(begin, index_.byte_offset(offset.end)) - begin);
}

QaAnswer QaAnswerList::answer_of(const Kept& kept) const {
  const std::string_view text = text_of(kept.offset);
  const auto begin = static_cast<std::uint32_t>(text.data() - context_.data());
  return {kept.score, kept.offset.start, kept.offset.end, begin,
          begin + static_cast<std::uint32_t>(text.size())};
}

bool QaAnswerList::is_same(const Kept& kept, Offset offset, std::string_view lower,
                           std::uint64_t hash) const {
  if (kept.hash != hash) return false;
  return kept.offset == offset || lower_case(text_of(kept.offset)) == lower;
}

std::uint32_t& QaAnswerList::place_of(Offset offset, std::string_view lower, std::uint64_t hash) {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  while (table_[at] != 0 && !is_same(answers_[table_[at] - 1], offset, lower, hash)) {
    at = (at + 1) & mask;
  }
  return table_[at];
}

void QaAnswerList::grow_table() {
  table_.assign(std::max<std::size_t>(64, 2 * table_.size()), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    std::size_t at = answers_[i].hash & mask;
    while (table_[at] != 0) at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

Status QaAnswerList::add(const QaSpan& span, const Tokens& window, bool align_to_words) {
  const Offset offset = answer_offsets(span, window, align_to_words);
  const std::string lower = lower_case(text_of(offset));
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(lower))).low;
  const auto score = static_cast<double>(span.score);
  if (2 * (answers_.size() + 1) > table_.size()) grow_table();
  std::uint32_t& place = place_of(offset, lower, hash);
  if (place != 0) {
    answers_[place - 1].score += score;
    return {};
  }
  if (answers_.size() == limits::kQaAnswers) {
    return fail(ErrorCode::kTooLarge,
                "context: more than {} different answers in its windows; lower top_k, lower "
                "max_answer_len or shorten the context",
                limits::kQaAnswers);
  }
  answers_.push_back({score, offset, hash});
  place = static_cast<std::uint32_t>(answers_.size());
  return {};
}

void QaAnswerList::add_null(float score) {
  answers_.push_back({static_cast<double>(score), {0, 0}, 0});
}

std::vector<QaAnswer> QaAnswerList::best(std::size_t top_k) && {
  std::vector<std::uint32_t> order(answers_.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto better = [&](std::uint32_t a, std::uint32_t b) {
    const double first = answers_[a].score;
    const double second = answers_[b].score;
    return first != second ? first > second : a < b;
  };
  const auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(top_k, order.size()));
  std::partial_sort(order.begin(), last, order.end(), better);
  std::vector<QaAnswer> best;
  for (auto i = order.begin(); i != last; ++i) best.push_back(answer_of(answers_[*i]));
  return best;
}

}  // namespace onecopy::worker
