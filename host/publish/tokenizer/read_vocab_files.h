// The files of the time before tokenizer.json: vocab.txt, or vocab.json and merges.txt.
#pragma once

#include <filesystem>

#include "host/publish/tokenizer/tokenizer_config.h"
#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

// What transformers' slow tokenizers read, converted as transformers converts them. The special
// tokens of the template must be in the vocabulary.
Result<TokenizerSpec> read_vocab_files(const std::filesystem::path& folder,
                                       const TokenizerConfig& config);

}  // namespace onecopy
