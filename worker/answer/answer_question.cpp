// Question answering: the context in windows, each with the question; the best spans of all of
// them.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "worker/answer/task_run.h"
#include "worker/decode/qa_answers.h"
#include "worker/decode/qa_spans.h"
#include "worker/decode/qa_windows.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

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

  Status add(const Tokens& window, std::span<const float> start, std::span<const float> end) {
    const QaSpans spans =
        best_spans(start, end, allowed_tokens(window, cls_id_), spans_per_window(),
                   static_cast<std::size_t>(params_.max_answer_len));
    for (const QaSpan& span : spans.best) {
      RETURN_IF_ERROR(answers_.add(span, window, params_.align_to_words != 0));
    }
    null_score_ = std::min(null_score_, spans.null_score);
    return {};
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

class QuestionRun final : public TaskRun {
 public:
  QuestionRun(const ServedModel& served, const WorkRequest& request,
              std::shared_ptr<const Encoding> question, Encoding context, QaWindows windows)
      : served_(served),
        question_(std::move(question)),
        context_(std::move(context)),
        windows_(windows),
        collector_(request, served.tokenizer.cls_id()) {}

  std::optional<Tokens> next_input() override {
    if (next_ == windows_.size()) return std::nullopt;
    const QaWindow window = windows_[next_++];
    const EncodingView part = EncodingView(context_).subview(window.begin, window.count);
    Tokens tokens;
    served_.tokenizer.assemble(*question_, &part, tokens);
    return tokens;
  }

  Status consume(const Tokens& input, std::span<const float> hidden,
                 Workspace& /*workspace*/) override {
    ASSIGN_OR_RETURN(const QaLogits logits, qa_logits(*served_.model, hidden));
    RETURN_IF_ERROR(collector_.add(input, logits.start, logits.end));
    tokens_ += static_cast<std::uint32_t>(input.size());
    return {};
  }

  WorkReply finish() override {
    WorkReply reply;
    reply.answers = std::move(collector_).best();
    // A context without tokens has no span; the pipeline answers nothing or this, by accident.
    if (reply.answers.empty()) reply.answers.push_back({0, 0, 0, 0, 0});
    reply.tokens = tokens_;
    return reply;
  }

 private:
  const ServedModel& served_;
  std::shared_ptr<const Encoding> question_;
  Encoding context_;
  QaWindows windows_;
  std::size_t next_ = 0;
  Collector collector_;
  std::uint32_t tokens_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Encoding>> QuestionCache::encode(const Tokenizer& tokenizer,
                                                              std::string_view text) {
  if (encoding_ != nullptr && text == text_) return encoding_;
  auto encoding = std::make_shared<Encoding>();
  RETURN_IF_ERROR(tokenizer.encode(text, *encoding));
  text_ = text;
  encoding_ = std::move(encoding);
  return encoding_;
}

PreparedRun answer_question(const ServedModel& served, const WorkRequest& request,
                            QuestionCache& questions) {
  const Tokenizer& tokenizer = served.tokenizer;
  auto question = questions.encode(tokenizer, request.text);
  if (!question) return in_context("question", question.error());
  Encoding context;
  if (auto ok = tokenizer.encode(request.pair.value_or(""), context); !ok) {
    return in_context("context", ok.error());
  }
  const QaLengths lengths{(*question)->size(), context.size(), tokenizer.special_count(true),
                          tokenizer.special_count(false)};
  ASSIGN_OR_RETURN(const QaWindows windows, cut_windows(lengths, request.qa, served.info()));
  return std::make_unique<QuestionRun>(served, request, std::move(*question), std::move(context),
                                       windows);
}

}  // namespace onecopy::worker
