// The fields of a request, from a JSON body or from a query, checked one by one. Every error names
// the field and what it may be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

// Class RequestFields: owns the values. A JSON null counts as a field that is not there. In a
// query, numbers are decimal and booleans true, false, 1 or 0.
class RequestFields {
 public:
  static Result<RequestFields> from_json(std::string_view body);
  static Result<RequestFields> from_query(std::vector<std::pair<std::string, std::string>>&& query);

  // kInvalidArgument naming a field that is not among `known`.
  Status only(std::span<const std::string_view> known) const;

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Moves the text out. kTooLarge above limits::kTextBytes.
  Result<std::optional<std::string>> text(std::string_view name);
  Result<std::string> required_text(std::string_view name);  // may be empty
  // A text or a list of at most `most` of them, at least one.
  Result<std::vector<std::string>> texts(std::string_view name, std::size_t most);
  Result<std::int32_t> integer(std::string_view name, std::int32_t otherwise, std::int32_t least,
                               std::int32_t most) const;
  Result<std::optional<bool>> boolean(std::string_view name) const;

 private:
  RequestFields(Json object, bool from_query)
      : object_(std::move(object)), from_query_(from_query) {}
  const Json* find(std::string_view name) const;

  Json object_;
  bool from_query_;
};

}  // namespace onecopy::gateway
