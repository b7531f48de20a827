#include "shared/base/json.h"

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <utility>

#include "shared/base/quoted.h"
#include "shared/base/small_file.h"

namespace onecopy {
namespace {

namespace ondemand = simdjson::ondemand;

// Makes the tree that the rest of onecopy works with, within bounds, while the text is parsed. Its
// recursion is as deep as the bound at most.
class TreeBuilder {
 public:
  explicit TreeBuilder(const JsonBounds& bounds) : bounds_(bounds) {}

  // `text` has simdjson's padding behind it and stands in brackets of its own: simdjson treats a
  // value that is all of a document otherwise than one inside of it.
  Status build(ondemand::parser& parser, const simdjson::padded_string& text, Json& to) {
    ondemand::document document;
    RETURN_IF_ERROR(check(parser.iterate(text).get(document)));
    ondemand::array values;
    RETURN_IF_ERROR(check(document.get_array().get(values)));
    bool found = false;
    for (auto next : values) {
      if (std::exchange(found, true)) return check(simdjson::TAPE_ERROR);
      ondemand::value value;
      RETURN_IF_ERROR(check(next.get(value)));
      RETURN_IF_ERROR(build_value(value, to));
    }
    return check(found && is_at_end(document) ? simdjson::SUCCESS : simdjson::TAPE_ERROR);
  }

  // Whether the text is malformed, rather than over a bound.
  bool is_malformed() const { return malformed_; }

 private:
  Status check(simdjson::error_code error) {
    if (error == simdjson::SUCCESS) return {};
    if (error == simdjson::DEPTH_ERROR) return too_deep();
    malformed_ = true;
    return refuse(simdjson::error_message(error));
  }
  static tl::unexpected<Error> refuse(std::string text) {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalidArgument, std::move(text)});
  }
  tl::unexpected<Error> too_deep() const {
    return refuse(fmt::format("nested more than {} deep", bounds_.depth));
  }

  static bool is_at_end(ondemand::document& document) {
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

  Status build_value(ondemand::value& from, Json& to) {
    if (++values_ > bounds_.values) {
      return refuse(fmt::format("more than {} values", bounds_.values));
    }
    ondemand::json_type type{};
    RETURN_IF_ERROR(check(from.type().get(type)));
    switch (type) {
      case ondemand::json_type::object:
        return build_object(from, to);
      case ondemand::json_type::array:
        return build_array(from, to);
      case ondemand::json_type::string:
        return build_string(from, to);
      case ondemand::json_type::number:
        return build_number(from, to);
      case ondemand::json_type::boolean:
        return build_boolean(from, to);
      case ondemand::json_type::null:
        return build_null(from, to);
    }
    return check(simdjson::TAPE_ERROR);
  }

  Status build_string(ondemand::value& from, Json& to) {
    std::string_view text;
    RETURN_IF_ERROR(check(from.get_string().get(text)));
    to = std::string(text);
    return {};
  }

  Status build_boolean(ondemand::value& from, Json& to) {
    bool value = false;
    RETURN_IF_ERROR(check(from.get_bool().get(value)));
    to = value;
    return {};
  }

  Status build_null(ondemand::value& from, Json& to) {
    bool is_null = false;
    RETURN_IF_ERROR(check(simdjson::simdjson_result<bool>(from.is_null()).get(is_null)));
    if (!is_null) return check(simdjson::N_ATOM_ERROR);
    to = nullptr;
    return {};
  }

  // Integers beyond 64 bits become floats, as tokenizer_config.json's model_max_length of 1e30.
  Status build_number(ondemand::value& from, Json& to) {
    std::uint64_t positive = 0;
    std::int64_t negative = 0;
    double real = 0;
    if (from.get_uint64().get(positive) == simdjson::SUCCESS) {
      to = positive;
    } else if (from.get_int64().get(negative) == simdjson::SUCCESS) {
      to = negative;
    } else {
      RETURN_IF_ERROR(check(from.get_double().get(real)));
      to = real;
    }
    return {};
  }

  Status build_object(ondemand::value& from, Json& to) {
    ondemand::object object;
    RETURN_IF_ERROR(check(from.get_object().get(object)));
    if (++depth_ > bounds_.depth) return too_deep();
    to = Json::object();
    auto& members = to.get_ref<Json::object_t&>();
    for (auto next : object) {
      ondemand::field field;
      RETURN_IF_ERROR(check(std::move(next).get(field)));
      std::string_view key;
      RETURN_IF_ERROR(check(field.unescaped_key().get(key)));
      const auto [place, is_new] = members.try_emplace(std::string(key));
      if (!is_new) {
        return refuse(fmt::format("the key {} stands twice in one object", in_quotes(key)));
      }
      RETURN_IF_ERROR(build_value(field.value(), place->second));
    }
    --depth_;
    return {};
  }

  Status build_array(ondemand::value& from, Json& to) {
    ondemand::array array;
    RETURN_IF_ERROR(check(from.get_array().get(array)));
    if (++depth_ > bounds_.depth) return too_deep();
    to = Json::array();
    auto& elements = to.get_ref<Json::array_t&>();
    for (auto next : array) {
      ondemand::value value;
      RETURN_IF_ERROR(check(next.get(value)));
      RETURN_IF_ERROR(build_value(value, elements.emplace_back()));
    }
    --depth_;
    return {};
  }

  const JsonBounds& bounds_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
  bool malformed_ = false;
};

// The library's text without its "[json.exception...]" prefix.
std::string plain_text(const char* what) {
  std::string text = what;
  const std::size_t bracket = text.find("] ");
  return bracket == std::string::npos ? text : text.substr(bracket + 2);
}

// What is wrong with a text that simdjson refused. It does not say where; the other library does,
// but is slower, so that only short texts are read again.
std::string problem_with(std::string_view text, const std::string& otherwise) {
  constexpr std::size_t kShort = 64u << 10;
  if (text.size() <= kShort) {
    try {
      [[maybe_unused]] const Json read = Json::parse(text);
    } catch (const Json::exception& e) {
      return plain_text(e.what());
    }
  }
  return otherwise;
}

simdjson::padded_string in_brackets(std::string_view text) {
  simdjson::padded_string copy(text.size() + 2);
  copy.data()[0] = '[';
  text.copy(copy.data() + 1, text.size());
  copy.data()[text.size() + 1] = ']';
  return copy;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonBounds& bounds) {
  // Of its own for each text: one that is kept would keep the memory of the largest.
  ondemand::parser parser;
  TreeBuilder builder(bounds);
  Json tree;
  if (const Status built = builder.build(parser, in_brackets(text), tree); !built) {
    const std::string& problem = built.error().text;
    return fail(ErrorCode::kInvalidArgument, "invalid JSON: {}",
                builder.is_malformed() ? problem_with(text, problem) : problem);
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
