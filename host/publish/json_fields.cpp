#include "host/publish/json_fields.h"

#include <cmath>

namespace onecopy::host {

std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

const Json* JsonFields::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::uint32_t> JsonFields::number(const char* key, std::uint32_t otherwise,
                                         std::uint64_t least, std::uint64_t most) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() < least ||
      value->get<std::uint64_t>() > most) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: {} is {}, it must be a whole number from {} to {}", where_, key, shown(*value),
                least, most);
  }
  return value->get<std::uint32_t>();
}

Result<double> JsonFields::real(const char* key, double otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} is {}, it must be a number", where_, key,
                shown(*value));
  }
  return value->get<double>();
}

Result<bool> JsonFields::flag(const char* key, bool otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} is {}, it must be true or false", where_, key,
                shown(*value));
  }
  return value->get<bool>();
}

Result<std::string> JsonFields::text(const char* key, std::string otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} is {}, it must be a string", where_, key,
                shown(*value));
  }
  return value->get<std::string>();
}

Status JsonFields::must_be(const char* key, const Json& neutral) const {
  const Json* value = find(key);
  if (value == nullptr || *value == false || *value == neutral) return {};
  if ((value->is_structured() || value->is_string()) && (value->empty() || *value == "")) return {};
  return fail(ErrorCode::kUnsupported, "{}: {} = {} is not supported", where_, key, shown(*value));
}

Result<Json> read_json_object(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(Json json, read_json_file(path));
  if (!json.is_object())
    return fail(ErrorCode::kInvalidArgument, "{}: not a JSON object", path.string());
  return json;
}

}  // namespace onecopy::host
