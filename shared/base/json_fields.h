// Typed, range-checked reading of the fields of a JSON object from outside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy {

// A value for an error message: as JSON, cut where a hostile file would make the message endless.
std::string shown(const Json& value);

// Class JsonFields: an object and how errors call it. Borrows the object, which must outlive it.
// Null counts as missing; a field that is read without `otherwise` must be there. Errors are
// kInvalidArgument (kUnsupported from must_be) and name the object, the field and the value:
// "tokenizer.json: model.dropout is 2, it must be true or false".
class JsonFields {
 public:
  // `where` names a file ("config.json") or a place in it ("config.json: model"); "" for none.
  JsonFields(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {}

  const Json& json() const { return *object_; }
  const std::string& where() const { return where_; }
  std::string name_of(std::string_view key) const;

  const Json* find(const char* key) const;  // null when missing or null
  bool has(const char* key) const { return find(key) != nullptr; }

  Result<bool> flag(const char* key) const;
  Result<bool> flag(const char* key, bool otherwise) const;
  Result<std::string> text(const char* key) const;
  Result<std::string> text(const char* key, std::string otherwise) const;
  Result<double> real(const char* key) const;
  Result<double> real(const char* key, double otherwise) const;
  // Whole numbers from least to most.
  Result<std::uint32_t> number(const char* key, std::uint32_t least, std::uint32_t most) const;
  Result<std::uint32_t> number(const char* key, std::uint32_t otherwise, std::uint32_t least,
                               std::uint32_t most) const;
  Result<std::uint64_t> number64(const char* key) const;
  Result<std::vector<std::string>> texts(const char* key) const;
  Result<JsonFields> object(const char* key) const;

  // What onecopy doesn't do must be absent, null, false, empty, or `neutral`.
  Status must_be(const char* key, const Json& neutral) const;

 private:
  // Why a field is not what it must be.
  tl::unexpected<Error> refuse(const char* key, std::string_view must_be) const;

  const Json* object_;
  std::string where_;
};

// kInvalidArgument unless `json` is an object; `where` as in JsonFields.
Result<JsonFields> as_object(const Json& json, std::string where);

// Reads a file that must hold an object.
Result<Json> read_json_object(const std::filesystem::path& path);

}  // namespace onecopy
