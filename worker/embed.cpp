// Sentence embedding: the pooled hidden states of one text.
#include <array>

#include "worker/answer.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/heads.h"
#include "worker/model_input.h"

namespace onecopy::worker {

Result<WorkReply> embed(const ServedModel& served, const WorkRequest& request,
                        Workspace& workspace) {
  ASSIGN_OR_RETURN(const Tokens tokens, model_input(served, request));
  const std::array<std::uint32_t, 2> starts{0, static_cast<std::uint32_t>(tokens.size())};
  ASSIGN_OR_RETURN(const auto hidden,
                   encode(*served.model, {tokens.ids, tokens.type_ids, starts}, workspace));
  const ModelInfo& info = served.info();
  const bool normalize = request.text_params.normalize == kAsModelSays
                             ? info.normalize
                             : request.text_params.normalize != 0;
  WorkReply reply;
  reply.values = pool(hidden, starts, info.pooling, normalize);
  reply.tokens = starts[1];
  return reply;
}

}  // namespace onecopy::worker
