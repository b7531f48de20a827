// tokenizer.json's "model": WordPiece or BPE.
#pragma once

#include "host/publish/tokenizer/json_fields.h"
#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

Result<ModelSpec> read_model(const JsonObject& model);

// {"token": id, ...}: also what vocab.json holds.
Result<Vocabulary> read_vocabulary(const Json& json, const std::string& name);

}  // namespace onecopy
