// What transformers knows of a tokenizer besides tokenizer.json: the class and its settings, from
// tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/publish/tokenizer/added_vocabulary.h"
#include "shared/base/json.h"

namespace onecopy {

enum class TokenizerClass { kBert, kRoberta, kCamembert, kXlmRoberta, kGeneric };

// A special token as transformers has it: a plain string, or an AddedToken with flags.
struct SpecialToken {
  AddedTokenSpec token;
  bool is_object = false;
};

struct TokenizerConfig {
  TokenizerClass kind = TokenizerClass::kGeneric;
  // By attribute (cls_token, ...); a null in the file is an entry without a value.
  std::map<std::string, std::optional<SpecialToken>> special;
  std::optional<std::vector<SpecialToken>> additional;      // additional_special_tokens
  std::vector<std::pair<std::string, SpecialToken>> extra;  // extra_special_tokens
  // What tokenizer_config.json lists as added tokens, or what stands for it in older folders.
  std::map<std::uint32_t, AddedTokenSpec> added_tokens_decoder;
  // The same by text, to give special tokens their flags; but transformers forgets
  // added_tokens.json here.
  std::map<std::string, AddedTokenSpec> added_tokens_map;

  bool do_lower_case = true;
  bool do_basic_tokenize = true;
  std::optional<bool> strip_accents;
  bool tokenize_chinese_chars = true;
  std::optional<bool> add_prefix_space = false;  // nothing: null in the file, which changes nothing
  bool trim_offsets = true;
  bool split_special_tokens = false;
  std::optional<std::uint32_t> model_max_length;
  std::optional<std::uint32_t> pad_token_id;  // of config.json
};

// `tokenizer_json` is null where the folder has none.
Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& folder,
                                              const Json& tokenizer_json);

}  // namespace onecopy
