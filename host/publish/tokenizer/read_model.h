// tokenizer.json's "model": WordPiece or BPE.
#pragma once

#include "host/publish/tokenizer/tokenizer_spec.h"
#include "shared/base/json_fields.h"

namespace onecopy {

Result<ModelSpec> read_model(const JsonFields& model);

// {"token": id, ...}: also what vocab.json holds.
Result<Vocabulary> read_vocabulary(const Json& json, const std::string& name);

}  // namespace onecopy
