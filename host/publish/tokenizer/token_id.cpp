#include "host/publish/tokenizer/token_id.h"

#include "shared/base/limits.h"

namespace onecopy {

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
