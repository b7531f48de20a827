#include "host/publish/tokenizer/read_tokenizer_json.h"

#include "host/publish/tokenizer/read_model.h"
#include "host/publish/tokenizer/read_post_processor.h"
#include "host/publish/tokenizer/token_id.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"

namespace onecopy {

namespace {

Result<std::optional<NormalizerSpec>> read_normalizer(const JsonFields& file) {
  if (!file.has("normalizer")) return std::optional<NormalizerSpec>();
  ASSIGN_OR_RETURN(const JsonFields normalizer, file.object("normalizer"));
  ASSIGN_OR_RETURN(const std::string type, normalizer.text("type", ""));
  if (type != "BertNormalizer") {
    return fail(ErrorCode::kUnsupported, "{}: {} is not supported, only BertNormalizer",
                normalizer.name_of("type"), in_quotes(type));
  }
  NormalizerSpec spec;
  ASSIGN_OR_RETURN(spec.clean_text, normalizer.flag("clean_text"));
  ASSIGN_OR_RETURN(spec.handle_chinese_chars, normalizer.flag("handle_chinese_chars"));
  ASSIGN_OR_RETURN(spec.lowercase, normalizer.flag("lowercase"));
  if (normalizer.has("strip_accents")) {
    ASSIGN_OR_RETURN(spec.strip_accents, normalizer.flag("strip_accents"));
  }
  return std::optional(spec);
}

Status read_pre_tokenizer(const JsonFields& file, TokenizerSpec& spec) {
  if (!file.has("pre_tokenizer")) return {};
  ASSIGN_OR_RETURN(const JsonFields pre_tokenizer, file.object("pre_tokenizer"));
  ASSIGN_OR_RETURN(const std::string type, pre_tokenizer.text("type", ""));
  if (type == "BertPreTokenizer") {
    spec.pre_tokenizer = image::PreTokenizer::kBert;
    return {};
  }
  if (type != "ByteLevel") {
    return fail(ErrorCode::kUnsupported,
                "{}: {} is not supported, only BertPreTokenizer and ByteLevel",
                pre_tokenizer.name_of("type"), in_quotes(type));
  }
  spec.pre_tokenizer = image::PreTokenizer::kByteLevel;
  ASSIGN_OR_RETURN(spec.add_prefix_space, pre_tokenizer.flag("add_prefix_space"));
  ASSIGN_OR_RETURN(spec.use_regex, pre_tokenizer.flag("use_regex", true));
  return {};
}

Status read_added_tokens(const JsonFields& file, TokenizerSpec& spec) {
  if (!file.has("added_tokens")) return {};
  const std::string name = file.name_of("added_tokens");
  if (!file.json().at("added_tokens").is_array())
    return fail(ErrorCode::kInvalidArgument, "{}: must be a list", name);
  std::vector<AddedTokenSpec> tokens;
  for (const Json& json : file.json().at("added_tokens")) {
    ASSIGN_OR_RETURN(const JsonFields token,
                     as_object(json, fmt::format("{}[{}]", name, tokens.size())));
    ASSIGN_OR_RETURN(AddedTokenSpec added, read_added_token(token));
    // The id of the file is not used, as in tokenizers: the vocabulary decides, or the next free
    // id. But it must be one.
    if (token.has("id")) RETURN_IF_ERROR(as_id(json.at("id"), token.name_of("id")));
    tokens.push_back(std::move(added));
  }
  return spec.added.add(tokens, spec.model.vocabulary);
}

// Words of WordPiece are words of text, those of BPE are bytes in ByteLevel's writing.
Status check_together(const TokenizerSpec& spec) {
  const bool bytes = spec.pre_tokenizer == image::PreTokenizer::kByteLevel;
  if (bytes == (spec.model.kind == image::Model::kByteBpe)) return {};
  return fail(ErrorCode::kUnsupported, "tokenizer.json: {} is not supported",
              bytes ? "WordPiece after a ByteLevel pre_tokenizer"
                    : "BPE without a ByteLevel pre_tokenizer");
}

}  // namespace

Result<AddedTokenSpec> read_added_token(const JsonFields& token) {
  AddedTokenSpec spec;
  ASSIGN_OR_RETURN(spec.content, token.text("content"));
  ASSIGN_OR_RETURN(spec.single_word, token.flag("single_word", false));
  ASSIGN_OR_RETURN(spec.lstrip, token.flag("lstrip", false));
  ASSIGN_OR_RETURN(spec.rstrip, token.flag("rstrip", false));
  if (token.has("normalized")) {
    ASSIGN_OR_RETURN(spec.normalized, token.flag("normalized"));
  }
  ASSIGN_OR_RETURN(spec.special, token.flag("special", false));
  return spec;
}

Result<TokenizerSpec> read_tokenizer_json(const Json& json) {
  TokenizerSpec spec;
  ASSIGN_OR_RETURN(const JsonFields file, as_object(json, "tokenizer.json"));
  ASSIGN_OR_RETURN(const JsonFields model, file.object("model"));
  ASSIGN_OR_RETURN(spec.model, read_model(model));
  ASSIGN_OR_RETURN(spec.normalizer, read_normalizer(file));
  RETURN_IF_ERROR(read_pre_tokenizer(file, spec));
  RETURN_IF_ERROR(check_together(spec));
  if (file.has("post_processor")) {
    ASSIGN_OR_RETURN(spec.post_processor, read_post_processor(json.at("post_processor"),
                                                              file.name_of("post_processor")));
  } else {
    ASSIGN_OR_RETURN(spec.post_processor, read_post_processor(Json(), ""));
  }
  RETURN_IF_ERROR(read_added_tokens(file, spec));
  if (file.has("padding")) {
    ASSIGN_OR_RETURN(const JsonFields padding, file.object("padding"));
    if (padding.has("pad_token")) {
      ASSIGN_OR_RETURN(spec.padding_token, padding.text("pad_token"));
    }
  }
  return spec;
}

}  // namespace onecopy
