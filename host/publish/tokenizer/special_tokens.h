// The special tokens of a tokenizer class: what the configuration names, or the class's own.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host/publish/tokenizer/tokenizer_config.h"
#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

// All special tokens in the order in which transformers adds them, each text once. Without
// tokenizer.json, transformers takes the way over its slow tokenizers, and RobertaTokenizer wraps
// its special tokens differently.
std::vector<SpecialToken> all_specials(const TokenizerConfig& config, bool has_tokenizer_json,
                                       const TokenizerSpec& spec);

// The id of a special token by its attribute ("cls_token"); the unknown token's where it is not in
// the vocabulary.
std::optional<std::uint32_t> special_id(const TokenizerConfig& config, const TokenizerSpec& spec,
                                        const char* attribute);

// The id that the slow tokenizer gives it, before conversion: the listed one first, else that of
// the vocabulary; special tokens that neither knows are numbered behind both.
std::optional<std::uint32_t> slow_special_id(const TokenizerConfig& config,
                                             const TokenizerSpec& spec, const char* attribute);

}  // namespace onecopy
