#include "shared/segment/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <system_error>

#include "shared/base/limits.h"

namespace onecopy {
namespace {

constexpr std::string_view kPrefix = "onecopy:";
constexpr std::string_view kLock = "lock";
constexpr std::string_view kLoading = ".loading";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What stands before the next colon, or all of it.
std::string_view take_part(std::string_view& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view part = text.substr(0, colon);
  text.remove_prefix(std::min(colon + 1, text.size()));
  return part;
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

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

std::string format_segment_name(const SegmentName& name) {
  return fmt::format("{}{}:{}:{}:{}{}", kPrefix, name.instance, name.model, name.version,
                     name.generation, name.loading ? kLoading : "");
}

std::optional<SegmentName> parse_segment_name(std::string_view text) {
  const std::string_view whole = text;
  SegmentName name;
  if (!drop_prefix(text, kPrefix)) return std::nullopt;
  if (text.ends_with(kLoading)) {
    name.loading = true;
    text.remove_suffix(kLoading.size());
  }
  name.instance = take_part(text);
  name.model = take_part(text);
  if (!is_valid_name(name.instance) || !is_valid_name(name.model)) return std::nullopt;
  if (!parse_number(take_part(text), name.version) || !parse_number(text, name.generation))
    return std::nullopt;
  if (format_segment_name(name) != whole) return std::nullopt;  // leading zeros and the like
  return name;
}

std::string format_lock_name(std::string_view instance) {
  return fmt::format("{}{}:{}", kPrefix, instance, kLock);
}

std::optional<std::string> parse_lock_name(std::string_view text) {
  if (!drop_prefix(text, kPrefix)) return std::nullopt;
  const std::string_view instance = take_part(text);
  if (!is_valid_name(instance) || text != kLock) return std::nullopt;
  return std::string(instance);
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
    if (const auto lock = parse_lock_name(text)) instances.insert(*lock);
  }
  return {instances.begin(), instances.end()};
}

std::string shared_memory_path(std::string_view name) {
  return fmt::format("{}/{}", kSharedMemoryFolder, name);
}

}  // namespace onecopy
