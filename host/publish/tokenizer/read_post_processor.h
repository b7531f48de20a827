// tokenizer.json's "post_processor": the special tokens around texts, and whether offsets are
// trimmed.
#pragma once

#include "host/publish/tokenizer/tokenizer_spec.h"
#include "shared/base/json.h"

namespace onecopy {

// `json` may be null: no special tokens then.
Result<PostProcessorSpec> read_post_processor(const Json& json, const std::string& name);

// [CLS] a [SEP] and [CLS] a [SEP] b [SEP], the second part of type 1.
PostProcessorSpec bert_template(std::uint32_t cls, std::uint32_t sep);

// <s> a </s> and <s> a </s></s> b </s>, all of type 0.
PostProcessorSpec roberta_template(std::uint32_t cls, std::uint32_t sep);

}  // namespace onecopy
