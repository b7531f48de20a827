// What transformers' tokenizer classes change of a tokenizer when they load it.
#pragma once

#include "shared/tokenizer/build/tokenizer_config.h"
#include "shared/tokenizer/build/tokenizer_spec.h"

namespace onecopy {

// Adds the special tokens, overrides the settings of the normalizer, pre-tokenizer and
// post-processor, and finds the ids of CLS, SEP and PAD. `has_tokenizer_json`: else the folder has
// the older files only, where transformers takes the way over its slow tokenizers and
// RobertaTokenizer wraps its special tokens differently.
Status apply_config(const TokenizerConfig& config, bool has_tokenizer_json, TokenizerSpec& spec);

// The id of a special token's attribute ("cls_token"), before apply_config() too. Nothing where it
// has none.
std::optional<std::uint32_t> special_id(const TokenizerConfig& config, const TokenizerSpec& spec,
                                        const char* attribute);

}  // namespace onecopy
