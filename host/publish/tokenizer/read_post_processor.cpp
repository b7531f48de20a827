#include "host/publish/tokenizer/read_post_processor.h"

#include <algorithm>

#include "host/publish/tokenizer/token_id.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"

namespace onecopy {

namespace {

using image::Piece;

PostProcessorSpec no_template() {
  PostProcessorSpec spec;
  spec.single = {{Piece::kText, 0, 0}};
  spec.pair = {{Piece::kText, 0, 0}, {Piece::kPair, 0, 1}};
  return spec;
}

// "cls": ["[CLS]", 101]
Result<std::uint32_t> read_token(const JsonFields& processor, const char* key) {
  const std::string name = processor.name_of(key);
  if (!processor.has(key) || !processor.json().at(key).is_array() ||
      processor.json().at(key).size() != 2) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a token and its id", name);
  }
  return as_id(processor.json().at(key)[1], name);
}

// {"Sequence": {"id": "A", "type_id": 0}} or {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
Status read_piece(const JsonFields& piece, const JsonFields& tokens,
                  std::vector<image::TemplatePiece>& out) {
  const bool is_text = piece.has("Sequence");
  ASSIGN_OR_RETURN(const JsonFields body, piece.object(is_text ? "Sequence" : "SpecialToken"));
  ASSIGN_OR_RETURN(const std::string id, body.text("id"));
  ASSIGN_OR_RETURN(const std::uint32_t type_id, body.number("type_id", 0, limits::kMaxTypeId));
  if (is_text) {
    if (id != "A" && id != "B")
      return fail(ErrorCode::kInvalidArgument, "{}: must be \"A\" or \"B\"", body.name_of("id"));
    out.push_back({id == "A" ? Piece::kText : Piece::kPair, 0, type_id});
    return {};
  }
  ASSIGN_OR_RETURN(const JsonFields token, tokens.object(id.c_str()));
  if (!token.has("ids") || !token.json().at("ids").is_array()) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a list of ids", token.name_of("ids"));
  }
  for (const Json& token_id : token.json().at("ids")) {
    ASSIGN_OR_RETURN(const std::uint32_t checked, as_id(token_id, token.name_of("ids")));
    out.push_back({Piece::kSpecial, checked, type_id});
  }
  return {};
}

Result<std::vector<image::TemplatePiece>> read_template(const JsonFields& processor,
                                                        const char* key, const JsonFields& tokens) {
  const std::string name = processor.name_of(key);
  if (!processor.has(key) || !processor.json().at(key).is_array() ||
      processor.json().at(key).size() > limits::kTemplatePieces) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a list of at most {} pieces", name,
                limits::kTemplatePieces);
  }
  std::vector<image::TemplatePiece> pieces;
  for (const Json& json : processor.json().at(key)) {
    ASSIGN_OR_RETURN(const JsonFields piece, as_object(json, name));
    RETURN_IF_ERROR(read_piece(piece, tokens, pieces));
    if (pieces.size() > limits::kTemplatePieces) {
      return fail(ErrorCode::kTooLarge, "{}: more than {} tokens", name, limits::kTemplatePieces);
    }
  }
  const auto count = [&](Piece kind) {
    return std::count_if(pieces.begin(), pieces.end(),
                         [&](const auto& piece) { return piece.kind == kind; });
  };
  const bool is_pair = std::string_view(key) == "pair";
  if (count(Piece::kText) != 1 || count(Piece::kPair) != (is_pair ? 1 : 0)) {
    return fail(ErrorCode::kUnsupported, "{}: must hold {} exactly once", name,
                is_pair ? "$A and $B" : "$A");
  }
  return pieces;
}

Result<PostProcessorSpec> read_template_processing(const JsonFields& processor) {
  PostProcessorSpec spec;
  ASSIGN_OR_RETURN(const JsonFields tokens, processor.object("special_tokens"));
  ASSIGN_OR_RETURN(spec.single, read_template(processor, "single", tokens));
  ASSIGN_OR_RETURN(spec.pair, read_template(processor, "pair", tokens));
  return spec;
}

Status read_trimming(const JsonFields& processor, PostProcessorSpec& spec) {
  ASSIGN_OR_RETURN(spec.trim_offsets, processor.flag("trim_offsets"));
  ASSIGN_OR_RETURN(spec.add_prefix_space, processor.flag("add_prefix_space"));
  spec.settable = true;
  return {};
}

// [ByteLevel, TemplateProcessing], as byte-level tokenizers of today have it: the first trims, the
// second adds.
Result<PostProcessorSpec> read_sequence(const JsonFields& processor) {
  const std::string name = processor.name_of("processors");
  if (!processor.has("processors") || !processor.json().at("processors").is_array()) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a list", name);
  }
  PostProcessorSpec all = no_template();
  bool has_template = false;
  for (const Json& json : processor.json().at("processors")) {
    RETURN_IF_ERROR(as_object(json, name));
    if (json.value("type", Json()) == "Sequence") {
      return fail(ErrorCode::kUnsupported, "{}: a sequence in a sequence is not supported", name);
    }
    ASSIGN_OR_RETURN(PostProcessorSpec part, read_post_processor(json, name));
    const bool is_template = json.value("type", Json()) != "ByteLevel";
    if (is_template && has_template)
      return fail(ErrorCode::kUnsupported, "{}: two templates are not supported", name);
    if (part.trim_offsets && (has_template || all.trim_offsets)) {
      return fail(ErrorCode::kUnsupported,
                  "{}: trimming offsets after another processor is not supported", name);
    }
    has_template |= is_template;
    if (is_template) all.single = part.single, all.pair = part.pair;
    if (part.trim_offsets) all.trim_offsets = true, all.add_prefix_space = part.add_prefix_space;
  }
  return all;
}

}  // namespace

PostProcessorSpec bert_template(std::uint32_t cls, std::uint32_t sep) {
  PostProcessorSpec spec;
  spec.single = {{Piece::kSpecial, cls, 0}, {Piece::kText, 0, 0}, {Piece::kSpecial, sep, 0}};
  spec.pair = spec.single;
  spec.pair.push_back({Piece::kPair, 0, 1});
  spec.pair.push_back({Piece::kSpecial, sep, 1});
  return spec;
}

PostProcessorSpec roberta_template(std::uint32_t cls, std::uint32_t sep) {
  PostProcessorSpec spec;
  spec.single = {{Piece::kSpecial, cls, 0}, {Piece::kText, 0, 0}, {Piece::kSpecial, sep, 0}};
  spec.pair = spec.single;
  spec.pair.push_back({Piece::kSpecial, sep, 0});
  spec.pair.push_back({Piece::kPair, 0, 0});
  spec.pair.push_back({Piece::kSpecial, sep, 0});
  return spec;
}

Result<PostProcessorSpec> read_post_processor(const Json& json, const std::string& name) {
  if (json.is_null()) return no_template();
  ASSIGN_OR_RETURN(const JsonFields processor, as_object(json, name));
  ASSIGN_OR_RETURN(const std::string type, processor.text("type", ""));
  if (type == "TemplateProcessing") return read_template_processing(processor);
  if (type == "Sequence") return read_sequence(processor);
  if (type == "ByteLevel") {
    PostProcessorSpec spec = no_template();
    RETURN_IF_ERROR(read_trimming(processor, spec));
    return spec;
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    ASSIGN_OR_RETURN(const std::uint32_t cls, read_token(processor, "cls"));
    ASSIGN_OR_RETURN(const std::uint32_t sep, read_token(processor, "sep"));
    if (type == "BertProcessing") return bert_template(cls, sep);
    PostProcessorSpec spec = roberta_template(cls, sep);
    RETURN_IF_ERROR(read_trimming(processor, spec));
    return spec;
  }
  return fail(ErrorCode::kUnsupported, "{}: {} is not supported", processor.name_of("type"),
              in_quotes(type));
}

}  // namespace onecopy
