#include "gateway/api/request_fields.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/quoted.h"
#include "shared/base/utf8.h"

namespace onecopy::gateway {
namespace {

Status check_text(std::string_view name, const std::string& text) {
  if (text.size() > limits::kTextBytes) {
    return fail(ErrorCode::kTooLarge, "{} has {} bytes; it may have at most {}", name, text.size(),
                limits::kTextBytes);
  }
  return {};
}

// What a value is, for error texts.
std::string described(const Json& value) {
  if (value.is_string()) return fmt::format("'{}'", shortened(value.get_ref<const std::string&>()));
  if (value.is_primitive()) return value.dump();
  return value.is_array() ? "a list" : "an object";
}

std::optional<std::int64_t> as_integer(const Json& value, bool from_query) {
  if (value.is_number_unsigned()) {
    // Whatever does not fit is out of any field's range as well.
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(value.get<std::uint64_t>(), INT64_MAX));
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!from_query) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<RequestFields> RequestFields::from_json(std::string_view body) {
  if (body.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the body is empty; send a JSON object");
  }
  ASSIGN_OR_RETURN(Json object,
                   parse_json(body, {limits::kRequestJsonDepth, limits::kRequestJsonValues}));
  if (!object.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the body is {}; send a JSON object",
                described(object));
  }
  return RequestFields(std::move(object), false);
}

Result<RequestFields> RequestFields::from_query(
    std::vector<std::pair<std::string, std::string>>&& query) {
  Json object = Json::object();
  for (auto& [name, value] : query) {
    if (!utf8::is_valid(name) || !utf8::is_valid(value)) {
      return fail(ErrorCode::kInvalidArgument, "parameter '{}' is not valid UTF-8",
                  shortened(name));
    }
    if (object.contains(name)) {
      return fail(ErrorCode::kInvalidArgument, "parameter '{}' stands twice", shortened(name));
    }
    object[std::move(name)] = std::move(value);
  }
  return RequestFields(std::move(object), true);
}

const Json* RequestFields::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Status RequestFields::only(std::span<const std::string_view> known) const {
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(ErrorCode::kInvalidArgument, "unknown {} '{}'; there are: {}",
                  from_query_ ? "parameter" : "field", shortened(name), fmt::join(known, ", "));
    }
  }
  return {};
}

Result<std::optional<std::string>> RequestFields::text(std::string_view name) {
  Json* const value = const_cast<Json*>(find(name));
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "{} must be a string, not {}", name,
                described(*value));
  }
  std::string& text = value->get_ref<std::string&>();
  RETURN_IF_ERROR(check_text(name, text));
  return std::move(text);
}

Result<std::string> RequestFields::required_text(std::string_view name) {
  ASSIGN_OR_RETURN(std::optional<std::string> value, text(name));
  if (!value) return fail(ErrorCode::kInvalidArgument, "{} is missing", name);
  return std::move(*value);
}

Result<std::vector<std::string>> RequestFields::texts(std::string_view name, std::size_t most) {
  Json* const value = const_cast<Json*>(find(name));
  std::vector<std::string> result;
  if (value == nullptr || !value->is_array()) {
    ASSIGN_OR_RETURN(std::string single, required_text(name));
    result.push_back(std::move(single));
    return result;
  }
  if (value->empty() || value->size() > most) {
    return fail(value->empty() ? ErrorCode::kInvalidArgument : ErrorCode::kTooLarge,
                "{} has {} texts; it must have 1 to {}", name, value->size(), most);
  }
  for (Json& element : *value) {
    if (!element.is_string()) {
      return fail(ErrorCode::kInvalidArgument, "{} must be a string or a list of strings; {} is {}",
                  name, fmt::format("{}[{}]", name, result.size()), described(element));
    }
    RETURN_IF_ERROR(check_text(fmt::format("{}[{}]", name, result.size()),
                               element.get_ref<const std::string&>()));
    result.push_back(std::move(element.get_ref<std::string&>()));
  }
  return result;
}

Result<std::int32_t> RequestFields::integer(std::string_view name, std::int32_t otherwise,
                                            std::int32_t least, std::int32_t most) const {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  const std::optional<std::int64_t> number = as_integer(*value, from_query_);
  if (!number || *number < least || *number > most) {
    return fail(ErrorCode::kInvalidArgument, "{} must be an integer from {} to {}, not {}", name,
                least, most, described(*value));
  }
  return static_cast<std::int32_t>(*number);
}

Result<std::optional<bool>> RequestFields::boolean(std::string_view name) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  if (from_query_) {
    const std::string& text = value->get_ref<const std::string&>();
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
  }
  return fail(ErrorCode::kInvalidArgument, "{} must be true or false, not {}", name,
              described(*value));
}

}  // namespace onecopy::gateway
