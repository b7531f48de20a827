#include "worker/decode/qa_windows.h"

#include <algorithm>

#include "shared/base/limits.h"

namespace onecopy::worker {
namespace {

constexpr std::size_t kDefaultMaxSeqLen = 384;
constexpr std::size_t kDefaultDocStride = 128;

Result<std::size_t> room_for_context(const QaLengths& lengths, std::size_t max_seq_len) {
  const std::size_t taken = lengths.question + lengths.pair_specials;
  if (taken >= max_seq_len) {
    return fail(
        ErrorCode::kInvalidArgument,
        "question: its {} tokens and {} special tokens leave no room for the context in windows of "
        "max_seq_len {}; shorten the question or raise max_seq_len",
        lengths.question, lengths.pair_specials, max_seq_len);
  }
  return max_seq_len - taken;
}

Status check_window_length(std::size_t tokens, const ModelInfo& info) {
  if (tokens <= usable_positions(info)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "max_seq_len: a window of {} tokens, but {} takes at most {}; lower max_seq_len",
              tokens, info.name, usable_positions(info));
}

// Windows that overlap almost wholly let a short text cost as much as a library.
Status check_cost(const QaWindows& windows, std::size_t context, std::size_t max_seq_len,
                  std::size_t doc_stride) {
  const std::size_t most =
      std::min(limits::kRequestTokens, limits::kCheapTokens + limits::kWindowOverlap * context);
  if (windows.size() <= limits::kQaWindows && windows.size() * max_seq_len <= most) return {};
  return fail(
      ErrorCode::kTooLarge,
      "context: its {} tokens would be computed in {} windows of max_seq_len {} tokens with "
      "doc_stride {}; at most {} windows and {} tokens are; lower doc_stride, raise "
      "max_seq_len or shorten the context",
      context, windows.size(), max_seq_len, doc_stride, limits::kQaWindows, most);
}

}  // namespace

Result<QaWindows> cut_windows(const QaLengths& lengths, const QaParams& params,
                              const ModelInfo& info) {
  const std::size_t max_seq_len = params.max_seq_len >= 0
                                      ? static_cast<std::size_t>(params.max_seq_len)
                                      : std::min<std::size_t>(info.max_tokens, kDefaultMaxSeqLen);
  const std::size_t doc_stride = params.doc_stride >= 0
                                     ? static_cast<std::size_t>(params.doc_stride)
                                     : std::min(max_seq_len / 2, kDefaultDocStride);
  if (doc_stride > max_seq_len) {
    return fail(ErrorCode::kInvalidArgument, "doc_stride ({}) is larger than max_seq_len ({})",
                doc_stride, max_seq_len);
  }
  if (doc_stride + lengths.single_specials > max_seq_len) {
    return fail(ErrorCode::kInvalidArgument,
                "doc_stride ({}) is larger than what {} special tokens leave of max_seq_len ({})",
                doc_stride, lengths.single_specials, max_seq_len);
  }
  const std::size_t whole = lengths.question + lengths.context + lengths.pair_specials;
  if (whole <= max_seq_len) {
    RETURN_IF_ERROR(check_window_length(whole, info));
    return QaWindows(lengths.context, lengths.context, 1);
  }
  ASSIGN_OR_RETURN(const std::size_t room, room_for_context(lengths, max_seq_len));
  RETURN_IF_ERROR(check_window_length(max_seq_len, info));
  if (doc_stride >= room) {
    return fail(ErrorCode::kInvalidArgument,
                "doc_stride ({}) must be smaller than the {} tokens that the question leaves for "
                "the context "
                "in a window of max_seq_len {}",
                doc_stride, room, max_seq_len);
  }
  const QaWindows windows(lengths.context, room, room - doc_stride);
  RETURN_IF_ERROR(check_cost(windows, lengths.context, max_seq_len, doc_stride));
  return windows;
}

}  // namespace onecopy::worker
