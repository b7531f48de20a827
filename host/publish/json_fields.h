// Typed, range-checked reading of the JSON files in a model folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy::host {

// A value for an error message: cut where a hostile file would make the message endless.
std::string shown(const Json& value);

// Class JsonFields: borrows the object. A field that is missing or null has its default. Errors are
// kInvalidArgument (kUnsupported from must_be) and name the file, the field and the value.
class JsonFields {
 public:
  // `where` names the file.
  JsonFields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json* find(const char* key) const;  // null when missing or null
  const std::string& where() const { return where_; }

  Result<std::uint32_t> number(const char* key, std::uint32_t otherwise, std::uint64_t least,
                               std::uint64_t most) const;
  Result<double> real(const char* key, double otherwise) const;
  Result<bool> flag(const char* key, bool otherwise) const;
  Result<std::string> text(const char* key, std::string otherwise) const;

  // What onecopy doesn't do must be absent, null, false, empty, or `neutral`.
  Status must_be(const char* key, const Json& neutral) const;

 private:
  const Json& object_;
  std::string where_;
};

// Reads a file that must hold an object.
Result<Json> read_json_object(const std::filesystem::path& path);

}  // namespace onecopy::host
