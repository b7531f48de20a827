// Compiles a model folder's tokenizer files into the flat image that Tokenizer reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "shared/base/status.h"

namespace onecopy {

struct BuiltTokenizer {
  std::vector<std::byte> image;
  // model_max_length of tokenizer_config.json; nothing when absent or the "very large integer"
  // 1e30.
  std::optional<std::uint32_t> model_max_length;
};

// Reads tokenizer.json, or where it is missing vocab.txt, or vocab.json and merges.txt, together
// with tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json's
// model_type as transformers does. Errors name the file and the field; kUnsupported names the
// tokenizer kind (SentencePiece Unigram, ...).
Result<BuiltTokenizer> build_tokenizer(const std::filesystem::path& folder);

}  // namespace onecopy
