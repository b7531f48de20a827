// Which files of a model folder count: a plain transformers folder, or a sentence-transformers one
// whose modules.json says how token vectors become one vector.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

// The modules behind the transformer.
struct SentenceModules {
  Pooling pooling = Pooling::kMean;
  bool normalize = false;
  std::optional<std::uint32_t> max_tokens;  // max_seq_length of sentence_bert_config.json
};

struct ModelFolder {
  std::filesystem::path transformer;  // holds config.json, weights and tokenizer
  std::optional<SentenceModules> sentence;
};

// kNotFound: no such folder. kUnsupported: a module or pooling that onecopy lacks, by name.
Result<ModelFolder> read_model_folder(const std::filesystem::path& folder);

}  // namespace onecopy::host
