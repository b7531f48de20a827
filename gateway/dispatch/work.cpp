#include "gateway/dispatch/work.h"

#include <algorithm>
#include <cmath>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

// English prose has 4 to 5 bytes a token in BERT's and RoBERTa's vocabularies; German, Russian and
// Chinese text in UTF-8 has 2 to 3. A guess that is off costs little: the worker counts exactly and
// cuts a batch that is too large in parts.
constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kSpecialTokens = 3;  // [CLS] a [SEP] b [SEP]
// The question-answering pipeline's defaults, as the worker applies them (decode/qa_windows).
constexpr std::size_t kMaxSeqLen = 384;
constexpr std::size_t kDocStride = 128;

std::size_t value_or(std::int32_t parameter, std::size_t value) {
  return parameter < 0 ? value : static_cast<std::size_t>(parameter);
}

std::size_t bytes_of(const Work::Text& text) {
  return text.text.size() + (text.pair ? text.pair->size() : 0);
}

// A long context is computed in overlapping windows, all of it.
std::size_t tokens_in_windows(const Work& work, const Work::Text& text, std::size_t whole) {
  const std::size_t window =
      value_or(work.qa.max_seq_len, std::min<std::size_t>(work.model->info.max_tokens, kMaxSeqLen));
  if (whole <= window) return whole;
  const std::size_t stride = value_or(work.qa.doc_stride, std::min(window / 2, kDocStride));
  const std::size_t taken = kSpecialTokens + text.text.size() / kBytesPerToken + stride;
  const std::size_t step = window > taken ? window - taken : 1;
  const std::size_t windows = (whole - window + step - 1) / step + 1;
  return std::min(windows * window, limits::kRequestTokens);  // the worker refuses more
}

}  // namespace

std::size_t estimated_tokens(const Work& work, const Work::Text& text) {
  const std::size_t whole = kSpecialTokens + bytes_of(text) / kBytesPerToken;
  if (work.model->info.task == Task::kQuestionAnswering) {
    return tokens_in_windows(work, text, whole);
  }
  return std::min<std::size_t>(whole, work.model->info.max_tokens);  // the rest is cut
}

Status check_values(const Work& work, const std::vector<float>& values) {
  const ModelInfo& info = work.model->info;
  const std::size_t expected = info.task == Task::kEmbedding                ? info.hidden
                               : info.task == Task::kSequenceClassification ? info.labels.size()
                                                                            : 0;
  if (values.size() != expected) {
    return fail(ErrorCode::kInternal, "model {} computed {} values instead of {}", work.model->name,
                values.size(), expected);
  }
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return fail(ErrorCode::kInternal, "model {} computed a value that is no number",
                work.model->name);
  }
  return {};
}

std::size_t WorkItem::text_bytes() const { return bytes_of(text()); }

WorkRequest WorkItem::request() const {
  WorkRequest request;
  request.segment = work->model->segment;
  request.task = work->model->info.task;
  request.qa = work->qa;
  request.text_params = work->text_params;
  request.text = text().text;
  if (text().pair) request.pair = *text().pair;
  if (!may_be_joined) request.deadline = deadline;
  return request;
}

}  // namespace onecopy::gateway
