#include "worker/decode/code_points.h"

#include "shared/base/utf8.h"

namespace onecopy::worker {
namespace {

constexpr std::uint32_t kEvery = 64;

}  // namespace

CodePointIndex::CodePointIndex(std::string_view text) : text_(text) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < text.size(); ++i) {
    if (utf8::is_first(text[i]) && count++ % kEvery == 0) places_.push_back(i);
  }
}

std::uint32_t CodePointIndex::byte_offset(std::uint32_t index) const {
  const auto end = static_cast<std::uint32_t>(text_.size());
  if (index / kEvery >= places_.size()) return end;
  std::uint32_t at = places_[index / kEvery];
  for (std::uint32_t left = index % kEvery; left > 0 && at < end; --left) {
    do ++at;
    while (at < end && !utf8::is_first(text_[at]));
  }
  return at;
}

}  // namespace onecopy::worker
