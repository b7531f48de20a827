#include "host/publish/tokenizer/json_fields.h"

#include "shared/tokenizer/utf8.h"

namespace onecopy {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string shown = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kLongest) {
    const utf8::Char c = utf8::decode(text, at);
    utf8::append(shown, c.code < 0x20 || c.code == 0x7F ? U'?' : c.code);
    at += c.bytes;
  }
  return shown + (at < text.size() ? "...\"" : "\"");
}

Result<bool> JsonObject::boolean(const char* key, std::optional<bool> fallback) const {
  if (!has(key) && fallback) return *fallback;
  if (!has(key) || !json.at(key).is_boolean()) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be true or false", name_of(key));
  }
  return json.at(key).get<bool>();
}

Result<std::string> JsonObject::text(const char* key, std::optional<std::string> fallback) const {
  if (!has(key) && fallback) return *fallback;
  if (!has(key) || !json.at(key).is_string()) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a string", name_of(key));
  }
  return json.at(key).get<std::string>();
}

Result<std::uint32_t> JsonObject::number(const char* key, std::uint64_t max) const {
  if (!has(key) || !json.at(key).is_number_unsigned() || json.at(key).get<std::uint64_t>() > max) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be an integer from 0 to {}", name_of(key),
                max);
  }
  return json.at(key).get<std::uint32_t>();
}

Result<JsonObject> JsonObject::object(const char* key) const {
  if (!has(key)) return fail(ErrorCode::kInvalidArgument, "{}: is missing", name_of(key));
  return as_object(json.at(key), name_of(key));
}

Result<JsonObject> as_object(const Json& json, std::string name) {
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "{}: must be an object", name);
  return JsonObject{json, std::move(name)};
}

Result<std::uint32_t> as_id(const Json& json, const std::string& name) {
  if (!json.is_number_integer() || (!json.is_number_unsigned() && json.get<std::int64_t>() < 0)) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a token id, an integer from 0", name);
  }
  if (json.get<std::uint64_t>() >= limits::kVocabulary) {
    return fail(ErrorCode::kTooLarge, "{}: id {} is over the limit of {}", name,
                json.get<std::uint64_t>(), limits::kVocabulary - 1);
  }
  return json.get<std::uint32_t>();
}

}  // namespace onecopy
