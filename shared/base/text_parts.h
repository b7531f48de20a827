// Taking a text apart from its front.
#pragma once

#include <algorithm>
#include <string_view>

namespace onecopy {

// Whether the text began with it; then it is gone.
inline bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What stands before the next separator, or all of it; the text goes on behind the separator.
inline std::string_view take_part(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

}  // namespace onecopy
