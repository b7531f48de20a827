// Typed fields of a JSON object. Errors name the object and the field: "tokenizer.json:
// model.dropout: ...".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/json.h"

namespace onecopy {

// A text from outside as it may stand in an error: one line, not too long, in quotation marks.
std::string in_quotes(std::string_view text);

// An object and how errors call it.
struct JsonObject {
  const Json& json;
  std::string name;  // "tokenizer.json" or "tokenizer.json: model"

  bool has(const char* key) const { return json.contains(key) && !json.at(key).is_null(); }
  std::string name_of(const char* key) const {
    return name + (name.ends_with(".json") ? ": " : ".") + key;
  }

  // With a fallback, a missing field has that value; null counts as missing.
  Result<bool> boolean(const char* key, std::optional<bool> fallback = std::nullopt) const;
  Result<std::string> text(const char* key,
                           std::optional<std::string> fallback = std::nullopt) const;
  Result<std::uint32_t> number(const char* key, std::uint64_t max) const;
  Result<JsonObject> object(const char* key) const;
};

// kInvalidArgument unless `json` is an object.
Result<JsonObject> as_object(const Json& json, std::string name);

// A token id: an integer from 0 to below limits::kVocabulary.
Result<std::uint32_t> as_id(const Json& json, const std::string& name);

}  // namespace onecopy
