// config.json of a Hugging Face model folder: what kind of encoder it is and how large.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "shared/base/json.h"
#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

struct ModelConfig {
  // Family, sizes, activation; every number within limits.h. Task, labels and lengths are still
  // unset.
  ModelInfo encoder;
  std::string model_type;  // "bert"
  std::string
      architecture;  // the first of `architectures`: "BertForQuestionAnswering"; may be empty
  std::optional<ProblemType> problem;
  std::optional<std::uint32_t> num_labels;
  std::map<std::uint32_t, std::string> id2label;  // empty: not given
  std::string where;                              // the file, for messages
};

// kUnsupported names the architecture or the option, and what is supported. Sizes that are missing
// have the defaults that transformers has.
Result<ModelConfig> read_model_config(const std::filesystem::path& folder);

// The same from JSON that was read already.
Result<ModelConfig> parse_model_config(const Json& json, const std::string& where);

}  // namespace onecopy::host
