#include "shared/base/json_fields.h"

#include <cmath>
#include <utility>

#include "shared/base/quoted.h"

namespace onecopy {

std::string shown(const Json& value) {
  // dump() would copy all of a large value for the few bytes that are shown.
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
  if (value.is_structured() && value.size() > 8) return value.is_array() ? "a list" : "an object";
  return shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string JsonFields::name_of(std::string_view key) const {
  if (where_.empty()) return std::string(key);
  return fmt::format("{}{}{}", where_, where_.ends_with(".json") ? ": " : ".", key);
}

const Json* JsonFields::find(const char* key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

tl::unexpected<Error> JsonFields::refuse(const char* key, std::string_view must_be) const {
  const Json* value = find(key);
  if (value == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "{} is missing, it must be {}", name_of(key), must_be);
  }
  return fail(ErrorCode::kInvalidArgument, "{} is {}, it must be {}", name_of(key), shown(*value),
              must_be);
}

Result<bool> JsonFields::flag(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_boolean()) return refuse(key, "true or false");
  return value->get<bool>();
}

Result<bool> JsonFields::flag(const char* key, bool otherwise) const {
  return has(key) ? flag(key) : otherwise;
}

Result<std::string> JsonFields::text(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) return refuse(key, "a string");
  return value->get<std::string>();
}

Result<std::string> JsonFields::text(const char* key, std::string otherwise) const {
  if (has(key)) return text(key);
  return otherwise;
}

Result<double> JsonFields::real(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>())) {
    return refuse(key, "a number");
  }
  return value->get<double>();
}

Result<double> JsonFields::real(const char* key, double otherwise) const {
  return has(key) ? real(key) : otherwise;
}

Result<std::uint32_t> JsonFields::number(const char* key, std::uint32_t least,
                                         std::uint32_t most) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() < least ||
      value->get<std::uint64_t>() > most) {
    return refuse(key, fmt::format("a whole number from {} to {}", least, most));
  }
  return value->get<std::uint32_t>();
}

Result<std::uint32_t> JsonFields::number(const char* key, std::uint32_t otherwise,
                                         std::uint32_t least, std::uint32_t most) const {
  return has(key) ? number(key, least, most) : otherwise;
}

Result<std::uint64_t> JsonFields::number64(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number_unsigned()) {
    return refuse(key, "a whole number from 0");
  }
  return value->get<std::uint64_t>();
}

Result<std::vector<std::string>> JsonFields::texts(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) return refuse(key, "a list of strings");
  std::vector<std::string> list;
  list.reserve(value->size());
  for (const Json& item : *value) {
    if (!item.is_string()) return refuse(key, "a list of strings");
    list.push_back(item.get<std::string>());
  }
  return list;
}

Result<JsonFields> JsonFields::object(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_object()) return refuse(key, "an object");
  return JsonFields(*value, name_of(key));
}

Status JsonFields::must_be(const char* key, const Json& neutral) const {
  const Json* value = find(key);
  if (value == nullptr || *value == false || *value == neutral) return {};
  if ((value->is_structured() || value->is_string()) && (value->empty() || *value == "")) return {};
  return fail(ErrorCode::kUnsupported, "{} = {} is not supported", name_of(key), shown(*value));
}

Result<JsonFields> as_object(const Json& json, std::string where) {
  if (json.is_object()) return JsonFields(json, std::move(where));
  return fail(ErrorCode::kInvalidArgument, "{}{}not a JSON object", where,
              where.empty() ? "" : ": ");
}

Result<Json> read_json_object(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(Json json, read_json_file(path));
  RETURN_IF_ERROR(as_object(json, path.string()));
  return json;
}

}  // namespace onecopy
