// Sentence embedding: the pooled hidden states of one text.
#include <memory>
#include <utility>

#include "worker/answer/model_input.h"
#include "worker/answer/text_run.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

class EmbedRun final : public TextRun {
 public:
  EmbedRun(const ServedModel& served, const WorkRequest& request, Tokens tokens)
      : TextRun(served, std::move(tokens)),
        pooling_(served.info().pooling),
        normalize_(request.text_params.normalize == kAsModelSays
                       ? served.info().normalize
                       : request.text_params.normalize != 0) {}

 private:
  Result<std::vector<float>> values_of(std::span<const float> hidden,
                                       std::span<const std::uint32_t> starts,
                                       Workspace& /*workspace*/) override {
    return pool(hidden, starts, pooling_, normalize_);
  }

  Pooling pooling_;
  bool normalize_;
};

}  // namespace

PreparedRun embed(const ServedModel& served, const WorkRequest& request) {
  ASSIGN_OR_RETURN(Tokens tokens, model_input(served, request));
  return std::make_unique<EmbedRun>(served, request, std::move(tokens));
}

}  // namespace onecopy::worker
