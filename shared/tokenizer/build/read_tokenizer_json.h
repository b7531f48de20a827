// tokenizer.json, as the tokenizers library reads it.
#pragma once

#include "shared/json.h"
#include "shared/tokenizer/build/tokenizer_spec.h"

namespace onecopy {

// Truncation and padding of the file don't count, as in transformers; the decoder isn't needed.
Result<TokenizerSpec> read_tokenizer_json(const Json& json);

// One entry of "added_tokens" or "added_tokens_decoder".
struct JsonObject;
Result<AddedTokenSpec> read_added_token(const JsonObject& token);

}  // namespace onecopy
