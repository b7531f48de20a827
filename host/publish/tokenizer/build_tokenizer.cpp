#include "host/publish/tokenizer/build_tokenizer.h"

#include "host/publish/tokenizer/apply_config.h"
#include "host/publish/tokenizer/compile_image.h"
#include "host/publish/tokenizer/read_tokenizer_json.h"
#include "host/publish/tokenizer/read_vocab_files.h"
#include "host/publish/tokenizer/tokenizer_config.h"
#include "shared/base/json_fields.h"
#include "shared/base/small_file.h"

namespace onecopy {

namespace {

// The class decides which of the older files are read; without a class, the files that are there
// do.
Status check_vocab_files(const std::filesystem::path& folder, TokenizerConfig& config) {
  const bool bert = is_there(folder / "vocab.txt");
  const bool roberta = is_there(folder / "vocab.json") && is_there(folder / "merges.txt");
  if (config.kind == TokenizerClass::kGeneric && (bert || roberta)) {
    config.kind = bert ? TokenizerClass::kBert : TokenizerClass::kRoberta;
  }
  if ((config.kind == TokenizerClass::kBert && bert) ||
      (config.kind == TokenizerClass::kRoberta && roberta))
    return {};
  for (const char* file : {"sentencepiece.bpe.model", "spiece.model", "tokenizer.model"}) {
    if (is_there(folder / file)) {
      return fail(ErrorCode::kUnsupported, "{}: SentencePiece tokenizers are not supported",
                  (folder / file).string());
    }
  }
  return fail(ErrorCode::kNotFound, "{}: has no tokenizer.json, nor {}", folder.string(),
              config.kind == TokenizerClass::kRoberta ? "vocab.json and merges.txt" : "vocab.txt");
}

Result<TokenizerSpec> read_spec(const std::filesystem::path& folder, const Json& tokenizer_json,
                                TokenizerConfig& config) {
  if (!tokenizer_json.is_null()) return read_tokenizer_json(tokenizer_json);
  RETURN_IF_ERROR(check_vocab_files(folder, config));
  return read_vocab_files(folder, config);
}

}  // namespace

Result<BuiltTokenizer> build_tokenizer(const std::filesystem::path& folder) {
  Json tokenizer_json;
  const bool has_json = is_there(folder / "tokenizer.json");
  if (has_json) {
    ASSIGN_OR_RETURN(tokenizer_json, read_json_object(folder / "tokenizer.json"));
  }
  ASSIGN_OR_RETURN(TokenizerConfig config, read_tokenizer_config(folder, tokenizer_json));
  ASSIGN_OR_RETURN(TokenizerSpec spec, read_spec(folder, tokenizer_json, config));
  RETURN_IF_ERROR(apply_config(config, has_json, spec));
  BuiltTokenizer built;
  ASSIGN_OR_RETURN(built.image, compile_image(spec));
  built.model_max_length = config.model_max_length;
  return built;
}

}  // namespace onecopy
