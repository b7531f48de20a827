// What a model folder is for: question answering, classification or embedding, and how.
#pragma once

#include <optional>

#include "host/publish/lora.h"
#include "host/publish/model_config.h"
#include "host/publish/model_folder.h"
#include "host/publish/named_weights.h"
#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

// The encoder's info with the head's part filled in (all but max_tokens). An adapter's task wins
// over modules.json, and that over config.json's architecture. kUnsupported names an architecture
// without a head that onecopy computes.
Result<ModelInfo> decide_head(const ModelConfig& config,
                              const std::optional<SentenceModules>& sentence,
                              std::optional<Task> adapter_task, const NamedWeights& weights);

// Longest input: what the folder allows, but no more than the position table holds.
// `model_max_length` is the tokenizer's.
std::uint32_t max_tokens(const ModelInfo& info, const std::optional<SentenceModules>& sentence,
                         std::optional<std::uint32_t> model_max_length);

}  // namespace onecopy::host
