#include "shared/segment/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <system_error>

#include "shared/base/limits.h"
#include "shared/base/text_parts.h"

namespace onecopy {
namespace {

constexpr std::string_view kPrefix = "onecopy:";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> list_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(kSharedMemoryFolder, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

static_assert(limits::kNameBytes == 64, "kNameRule says so");

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

std::string format_segment_name(const SegmentName& name) {
  return fmt::format("{}{}:{}:{}:{}{}", kPrefix, name.instance, name.model, name.version,
                     name.generation, name.loading ? kLoadingSuffix : "");
}

std::optional<SegmentName> parse_segment_name(std::string_view text) {
  const std::string_view whole = text;
  SegmentName name;
  if (!drop_prefix(text, kPrefix)) return std::nullopt;
  if (text.ends_with(kLoadingSuffix)) {
    name.loading = true;
    text.remove_suffix(kLoadingSuffix.size());
  }
  name.instance = take_part(text, ':');
  name.model = take_part(text, ':');
  if (!is_valid_name(name.instance) || !is_valid_name(name.model)) return std::nullopt;
  if (!parse_number(take_part(text, ':'), name.version) || !parse_number(text, name.generation))
    return std::nullopt;
  if (format_segment_name(name) != whole) return std::nullopt;  // leading zeros and the like
  return name;
}

std::vector<std::string> list_segments(std::optional<std::string_view> instance) {
  std::vector<std::string> segments = list_names();
  std::erase_if(segments, [&](const std::string& text) {
    const auto name = parse_segment_name(text);
    return !name || (instance && name->instance != *instance);
  });
  return segments;
}

std::vector<std::string> list_instances() {
  std::set<std::string> instances;
  for (const std::string& text : list_names()) {
    if (const auto name = parse_segment_name(text)) instances.insert(name->instance);
  }
  return {instances.begin(), instances.end()};
}

std::string shared_memory_path(std::string_view name) {
  return fmt::format("{}/{}", kSharedMemoryFolder, name);
}

}  // namespace onecopy
