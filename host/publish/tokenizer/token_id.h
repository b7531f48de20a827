// Token ids as the tokenizer's files write them.
#pragma once

#include <cstdint>
#include <string>

#include "shared/base/json.h"

namespace onecopy {

// A token id: an integer from 0 to below limits::kVocabulary. `name` is how errors call it.
Result<std::uint32_t> as_id(const Json& json, const std::string& name);

}  // namespace onecopy
