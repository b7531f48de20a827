#include "shared/base/json.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/small_file.h"

namespace onecopy {
namespace {

struct Refused {
  std::string problem;
};

// Watches the parser's events for what the library itself lets pass: depth and duplicate keys.
// Throws Refused at once, so that a hostile text costs no more memory than it had until then.
class Guard {
 public:
  explicit Guard(std::size_t max_depth) : max_depth_(max_depth) {}

  bool operator()(int /*depth*/, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) enter();
    if (event == Event::object_end || event == Event::array_end) keys_.pop_back();
    if (event == Event::key) add_key(parsed.get_ref<const std::string&>());
    return true;
  }

 private:
  void enter() {
    if (keys_.size() == max_depth_)
      throw Refused{fmt::format("nested more than {} deep", max_depth_)};
    keys_.emplace_back();
  }
  void add_key(const std::string& key) {
    if (!keys_.back().insert(key).second) {
      throw Refused{fmt::format("the key \"{}\" stands twice in one object", key)};
    }
  }

  std::size_t max_depth_;
  std::vector<std::set<std::string>> keys_;  // of the open objects; empty for arrays
};

// The library's text without its "[json.exception...]" prefix.
std::string plain_text(const char* what) {
  std::string text = what;
  const std::size_t bracket = text.find("] ");
  return bracket == std::string::npos ? text : text.substr(bracket + 2);
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t max_depth) {
  Guard guard(max_depth);
  try {
    return Json::parse(text, std::ref(guard));
  } catch (const Refused& refused) {
    return fail(ErrorCode::kInvalidArgument, "invalid JSON: {}", refused.problem);
  } catch (const Json::exception& e) {
    return fail(ErrorCode::kInvalidArgument, "invalid JSON: {}", plain_text(e.what()));
  }
}

Result<Json> read_json_file(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(path));
  auto value = parse_json(text);
  if (!value) return in_context(path.string(), value.error());
  return value;
}

}  // namespace onecopy
