// Question answering: the context in windows, each with the question; the best spans of all of
// them.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "shared/limits.h"
#include "worker/answer.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/heads.h"
#include "worker/heads/qa_answers.h"
#include "worker/heads/qa_spans.h"
#include "worker/heads/qa_windows.h"

namespace onecopy::worker {
namespace {

struct TokenizedTexts {
  Encoding question;
  Encoding context;
};

Result<TokenizedTexts> tokenize(const Tokenizer& tokenizer, const WorkRequest& request) {
  TokenizedTexts texts;
  if (auto ok = tokenizer.encode(request.text, texts.question); !ok)
    return in_context("question", ok.error());
  if (auto ok = tokenizer.encode(request.pair.value_or(""), texts.context); !ok) {
    return in_context("context", ok.error());
  }
  return texts;
}

// Windows that are computed together: weights are read once for all of them.
struct WindowBatch {
  std::vector<Tokens> windows;
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<std::uint32_t> starts{0};

  void add(Tokens window) {
    ids.insert(ids.end(), window.ids.begin(), window.ids.end());
    type_ids.insert(type_ids.end(), window.type_ids.begin(), window.type_ids.end());
    starts.push_back(static_cast<std::uint32_t>(ids.size()));
    windows.push_back(std::move(window));
  }
};

// Takes windows from `next` on until the batch is full; at least one.
WindowBatch next_batch(const Tokenizer& tokenizer, const TokenizedTexts& texts,
                       std::span<const QaWindow> windows, std::size_t& next) {
  WindowBatch batch;
  const EncodingView context(texts.context);
  const std::size_t around = texts.question.size() + tokenizer.special_count(true);
  do {
    const QaWindow& window = windows[next++];
    const EncodingView part = context.subview(window.begin, window.count);
    Tokens tokens;
    tokenizer.assemble(texts.question, &part, tokens);
    batch.add(std::move(tokens));
  } while (next < windows.size() &&
           batch.ids.size() + around + windows[next].count <= limits::kBatchTokens);
  return batch;
}

// An answer may begin and end at tokens of the context, and at every CLS, also one that a user
// typed.
std::vector<std::uint8_t> allowed_tokens(const Tokens& window, std::int32_t cls_id) {
  std::vector<std::uint8_t> allowed(window.size());
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i] = window.sequences[i] == 1 || window.ids[i] == cls_id ? 1 : 0;
  }
  return allowed;
}

// What the windows seen so far amount to.
class Collector {
 public:
  Collector(const WorkRequest& request, std::int32_t cls_id)
      : params_(request.qa), cls_id_(cls_id), answers_(request.pair.value_or("")) {}

  void add(const Tokens& window, std::span<const float> start, std::span<const float> end) {
    const QaSpans spans =
        best_spans(start, end, allowed_tokens(window, cls_id_), spans_per_window(),
                   static_cast<std::size_t>(params_.max_answer_len));
    for (const QaSpan& span : spans.best) answers_.add(span, window, params_.align_to_words != 0);
    null_score_ = std::min(null_score_, spans.null_score);
  }

  std::vector<QaAnswer> best() && {
    if (params_.handle_impossible_answer != 0) answers_.add_null(null_score_);
    return std::move(answers_).best(top_k());
  }

 private:
  std::size_t top_k() const { return static_cast<std::size_t>(params_.top_k); }
  // Aligning to words makes some spans one: the pipeline takes more of them then.
  std::size_t spans_per_window() const {
    return params_.align_to_words != 0 ? 2 * top_k() + 10 : top_k();
  }

  QaParams params_;
  std::int32_t cls_id_;
  QaAnswerList answers_;
  float null_score_ = 1e6F;
};

Status check_deadline(const WorkRequest& request) {
  if (!request.deadline || std::chrono::steady_clock::now() < *request.deadline) return {};
  return fail(ErrorCode::kDeadline, "the request's deadline passed while it was computed");
}

}  // namespace

Result<WorkReply> answer_question(const ServedModel& served, const WorkRequest& request,
                                  Workspace& workspace) {
  const Tokenizer& tokenizer = served.tokenizer;
  ASSIGN_OR_RETURN(const TokenizedTexts texts, tokenize(tokenizer, request));
  const QaLengths lengths{texts.question.size(), texts.context.size(),
                          tokenizer.special_count(true), tokenizer.special_count(false)};
  ASSIGN_OR_RETURN(const auto windows, cut_windows(lengths, request.qa, served.info()));

  WorkReply reply;
  Collector collector(request, tokenizer.cls_id());
  for (std::size_t next = 0; next < windows.size();) {
    RETURN_IF_ERROR(check_deadline(request));
    const WindowBatch batch = next_batch(tokenizer, texts, windows, next);
    ASSIGN_OR_RETURN(const auto hidden,
                     encode(*served.model, {batch.ids, batch.type_ids, batch.starts}, workspace));
    ASSIGN_OR_RETURN(const QaLogits logits, qa_logits(*served.model, hidden));
    for (std::size_t i = 0; i < batch.windows.size(); ++i) {
      const std::size_t count = batch.windows[i].size();
      collector.add(batch.windows[i], std::span(logits.start).subspan(batch.starts[i], count),
                    std::span(logits.end).subspan(batch.starts[i], count));
    }
    reply.tokens += static_cast<std::uint32_t>(batch.ids.size());
  }
  reply.answers = std::move(collector).best();
  // A context without tokens has no span; the pipeline answers nothing or this, by accident.
  if (reply.answers.empty()) reply.answers.push_back({0, 0, 0, 0, 0});
  return reply;
}

}  // namespace onecopy::worker
