// What transformers' tokenizer classes change of a tokenizer when they load it.
#pragma once

#include "host/publish/tokenizer/tokenizer_config.h"
#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

// Adds the special tokens, overrides the settings of the normalizer, pre-tokenizer and
// post-processor, and finds the ids of CLS, SEP and PAD. `has_tokenizer_json`: else the folder has
// the older files only, where transformers takes the way over its slow tokenizers and
// RobertaTokenizer wraps its special tokens differently.
Status apply_config(const TokenizerConfig& config, bool has_tokenizer_json, TokenizerSpec& spec);

}  // namespace onecopy
