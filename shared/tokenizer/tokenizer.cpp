#include "shared/tokenizer/tokenizer.h"

#include "shared/base/limits.h"
#include "shared/base/utf8.h"
#include "shared/tokenizer/text_encoder.h"
#include "shared/tokenizer/tokenizer_tables.h"

namespace onecopy {

EncodingView EncodingView::subview(std::size_t start, std::size_t count) const {
  EncodingView view;
  view.ids = ids.subspan(start, count);
  view.offsets = offsets.subspan(start, count);
  view.words = words.subspan(start, count);
  if (!trimmed.empty()) view.trimmed = trimmed.subspan(start, count);
  return view;
}

Result<Tokenizer> Tokenizer::from_image(std::span<const std::byte> image) {
  ASSIGN_OR_RETURN(const TokenizerTables tables, TokenizerTables::from_image(image));
  return Tokenizer(std::make_shared<const TokenizerTables>(tables));
}

Status Tokenizer::encode(std::string_view text, Encoding& out) const {
  if (text.size() > limits::kTokenizedBytes) {
    return fail(ErrorCode::kTooLarge, "text of {} bytes: at most {} can be tokenized", text.size(),
                limits::kTokenizedBytes);
  }
  if (const std::size_t valid = utf8::valid_prefix(text); valid < text.size()) {
    return fail(ErrorCode::kInvalidArgument, "the text is not UTF-8 at byte {}; send UTF-8", valid);
  }
  TextEncoder(*tables_, out).encode(text);
  return {};
}

std::size_t Tokenizer::special_count(bool pair) const {
  const auto& pieces = pair ? tables_->pair_template : tables_->single_template;
  return pieces.size() - (pair ? 2 : 1);
}

namespace {

// The first token of a window keeps the blank before it, where the post-processor takes it for the
// added one.
Offset first_offset(const EncodingView& text) {
  Offset offset = text.offsets.front();
  if (text.trimmed.empty() || text.trimmed.front() == 0 || offset.start == 0) return offset;
  --offset.start;
  if (text.trimmed.front() == 2) offset.end = offset.start;
  return offset;
}

void append_text(const EncodingView& text, std::uint8_t sequence, std::uint32_t type_id,
                 Tokens& out) {
  const std::size_t before = out.size();
  out.ids.insert(out.ids.end(), text.ids.begin(), text.ids.end());
  out.offsets.insert(out.offsets.end(), text.offsets.begin(), text.offsets.end());
  out.words.insert(out.words.end(), text.words.begin(), text.words.end());
  out.sequences.resize(out.ids.size(), sequence);
  out.type_ids.resize(out.ids.size(), static_cast<std::int32_t>(type_id));
  if (text.size() > 0) out.offsets[before] = first_offset(text);
}

void append_special(const image::TemplatePiece& piece, Tokens& out) {
  out.ids.push_back(static_cast<std::int32_t>(piece.id));
  out.offsets.push_back({0, 0});
  out.words.push_back(kNoWord);
  out.sequences.push_back(kSpecialSequence);
  out.type_ids.push_back(static_cast<std::int32_t>(piece.type_id));
}

}  // namespace

void Tokenizer::assemble(const EncodingView& a, const EncodingView* b, Tokens& out) const {
  out.ids.clear();
  out.type_ids.clear();
  out.offsets.clear();
  out.words.clear();
  out.sequences.clear();
  for (const image::TemplatePiece& piece :
       b != nullptr ? tables_->pair_template : tables_->single_template) {
    if (piece.kind == image::Piece::kText) {
      append_text(a, 0, piece.type_id, out);
    } else if (piece.kind == image::Piece::kPair && b != nullptr) {
      append_text(*b, 1, piece.type_id, out);
    } else {
      append_special(piece, out);
    }
  }
}

std::int32_t Tokenizer::cls_id() const { return static_cast<std::int32_t>(tables_->header.cls_id); }
std::int32_t Tokenizer::sep_id() const { return static_cast<std::int32_t>(tables_->header.sep_id); }
std::int32_t Tokenizer::pad_id() const { return static_cast<std::int32_t>(tables_->header.pad_id); }
std::uint32_t Tokenizer::vocab_size() const { return tables_->header.vocab_size; }

}  // namespace onecopy
