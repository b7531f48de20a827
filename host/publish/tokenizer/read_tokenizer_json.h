// tokenizer.json, as the tokenizers library reads it.
#pragma once

#include "host/publish/tokenizer/tokenizer_spec.h"
#include "shared/base/json.h"

namespace onecopy {

// Truncation and padding of the file don't count, as in transformers; the decoder isn't needed.
Result<TokenizerSpec> read_tokenizer_json(const Json& json);

// One entry of "added_tokens" or "added_tokens_decoder".
class JsonFields;
Result<AddedTokenSpec> read_added_token(const JsonFields& token);

}  // namespace onecopy
