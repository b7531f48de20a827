#include "shared/base/json.h"

#include <simdjson.h>

#include <cstdint>
#include <string>

#include "shared/base/quoted.h"
#include "shared/base/small_file.h"

namespace onecopy {
namespace {

std::string too_deep(const JsonBounds& bounds) {
  return fmt::format("nested more than {} deep", bounds.depth);
}

// Makes the tree that the rest of onecopy works with, within bounds. Its recursion is as deep as the
// bound at most.
class TreeBuilder {
 public:
  explicit TreeBuilder(const JsonBounds& bounds) : bounds_(bounds) {}

  Status build(const simdjson::dom::element& from, Json& to) {
    if (++values_ > bounds_.values) {
      return fail(ErrorCode::kInvalidArgument, "more than {} values", bounds_.values);
    }
    using Type = simdjson::dom::element_type;
    switch (from.type()) {
      case Type::OBJECT:
        return build_object(simdjson::dom::object(from), to);
      case Type::ARRAY:
        return build_array(simdjson::dom::array(from), to);
      case Type::STRING:
        to = std::string(std::string_view(from));
        return {};
      case Type::INT64:
        build_integer(std::int64_t(from), to);
        return {};
      case Type::UINT64:
        to = std::uint64_t(from);
        return {};
      case Type::DOUBLE:
        to = double(from);
        return {};
      case Type::BOOL:
        to = bool(from);
        return {};
      case Type::NULL_VALUE:
        to = nullptr;
        return {};
    }
    return fail(ErrorCode::kInternal, "a value of unknown type");
  }

 private:
  static void build_integer(std::int64_t from, Json& to) {
    if (from >= 0) {
      to = static_cast<std::uint64_t>(from);
    } else {
      to = from;
    }
  }

  Status enter() {
    if (++depth_ <= bounds_.depth) return {};
    return tl::unexpected<Error>(Error{ErrorCode::kInvalidArgument, too_deep(bounds_)});
  }

  Status build_object(const simdjson::dom::object& from, Json& to) {
    RETURN_IF_ERROR(enter());
    to = Json::object();
    auto& members = to.get_ref<Json::object_t&>();
    for (const auto& [key, value] : from) {
      const auto [place, is_new] = members.try_emplace(std::string(key));
      if (!is_new) {
        return fail(ErrorCode::kInvalidArgument, "the key \"{}\" stands twice in one object",
                    shortened(key));
      }
      RETURN_IF_ERROR(build(value, place->second));
    }
    --depth_;
    return {};
  }

  Status build_array(const simdjson::dom::array& from, Json& to) {
    RETURN_IF_ERROR(enter());
    to = Json::array();
    auto& elements = to.get_ref<Json::array_t&>();
    for (const simdjson::dom::element& element : from) {
      elements.emplace_back();
      RETURN_IF_ERROR(build(element, elements.back()));
    }
    --depth_;
    return {};
  }

  const JsonBounds& bounds_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
};

// The library's text without its "[json.exception...]" prefix.
std::string plain_text(const char* what) {
  std::string text = what;
  const std::size_t bracket = text.find("] ");
  return bracket == std::string::npos ? text : text.substr(bracket + 2);
}

// What is wrong with a text that simdjson refused. It does not say where; the other library does,
// but is slower, so that only short texts are read again.
std::string problem_with(std::string_view text, simdjson::error_code error) {
  constexpr std::size_t kShort = 64u << 10;
  if (text.size() <= kShort) {
    try {
      [[maybe_unused]] const Json read = Json::parse(text);
    } catch (const Json::exception& e) {
      return plain_text(e.what());
    }
  }
  return simdjson::error_message(error);
}

tl::unexpected<Error> invalid(std::string_view problem) {
  return fail(ErrorCode::kInvalidArgument, "invalid JSON: {}", problem);
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonBounds& bounds) {
  // Of its own for each text: one that is kept would keep the memory of the largest.
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(simdjson::padded_string(text)).get(root);
  // Deeper than simdjson goes is deeper than any bound.
  if (error == simdjson::DEPTH_ERROR) return invalid(too_deep(bounds));
  if (error != simdjson::SUCCESS) return invalid(problem_with(text, error));
  Json tree;
  if (const Status built = TreeBuilder(bounds).build(root, tree); !built) {
    return invalid(built.error().text);
  }
  return tree;
}

Result<Json> read_json_file(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(path));
  auto value = parse_json(text);
  if (!value) return in_context(path.string(), value.error());
  return value;
}

}  // namespace onecopy
