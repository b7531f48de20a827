// As tokenizers' truncate_encodings: lengths are computed at once, not token by token.
#include <algorithm>
#include <utility>

#include "shared/tokenizer/tokenizer.h"

namespace onecopy {

namespace {

void shorten(EncodingView& text, std::size_t tokens) {
  if (tokens < text.size()) text = text.subview(0, tokens);
}

// The longer text gives first; when both are as long, they share what there is, the second taking
// the odd token.
void shorten_longest(EncodingView& a, EncodingView& b, std::size_t room) {
  std::size_t shorter = std::min(a.size(), b.size());
  std::size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  const bool a_is_longer = a.size() > b.size();
  shorten(a, a_is_longer ? longer : shorter);
  shorten(b, a_is_longer ? shorter : longer);
}

}  // namespace

Status truncate(EncodingView& a, EncodingView* b, std::size_t specials, std::size_t max_tokens,
                Truncation strategy) {
  if (max_tokens < specials) {
    return fail(ErrorCode::kInvalidArgument,
                "max_length {} leaves no room for the {} special tokens", max_tokens, specials);
  }
  const std::size_t room = max_tokens - specials;
  const std::size_t total = a.size() + (b != nullptr ? b->size() : 0);
  if (room == 0) {
    shorten(a, 0);
    if (b != nullptr) shorten(*b, 0);
    return {};
  }
  if (total <= room) return {};
  if (strategy == Truncation::kLongestFirst) {
    if (b != nullptr) {
      shorten_longest(a, *b, room);
    } else {
      shorten(a, room);
    }
    return {};
  }
  EncodingView* target = strategy == Truncation::kOnlyFirst ? &a : b;
  if (target == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "truncation only_second needs a second text");
  }
  if (target->size() <= total - room) {
    return fail(ErrorCode::kInvalidArgument,
                "{} tokens are too many for max_length {} even without the text to truncate; "
                "shorten the other text",
                total + specials, max_tokens);
  }
  shorten(*target, target->size() - (total - room));
  return {};
}

}  // namespace onecopy
