#include "worker/encoder/encoder.h"

#include "worker/encoder/forward_pass.h"

namespace onecopy::worker {
namespace {

Status check_shape(const ModelInfo& info, const RaggedBatch& batch) {
  if (batch.starts.size() < 2 || batch.starts.front() != 0 ||
      batch.starts.back() != batch.ids.size()) {
    return fail(ErrorCode::kInvalidArgument, "a batch of {} tokens has starts that do not fit it",
                batch.ids.size());
  }
  if (!batch.type_ids.empty() && batch.type_ids.size() != batch.ids.size()) {
    return fail(ErrorCode::kInvalidArgument, "a batch of {} tokens has {} token types",
                batch.ids.size(), batch.type_ids.size());
  }
  const std::uint32_t most = usable_positions(info);
  for (std::size_t s = 0; s < batch.sequences(); ++s) {
    const std::uint32_t first = batch.starts[s];
    const std::uint32_t last = batch.starts[s + 1];
    if (last <= first || last > batch.ids.size() || last - first > most) {
      return fail(ErrorCode::kInvalidArgument, "sequence {} has {} tokens, it must have 1 to {}", s,
                  static_cast<std::int64_t>(last) - first, most);
    }
  }
  return {};
}

Status check_range(std::span<const std::int32_t> values, std::uint32_t size,
                   std::string_view what) {
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (values[t] < 0 || static_cast<std::uint32_t>(values[t]) >= size) {
      return fail(ErrorCode::kInvalidArgument, "token {} has {} {}, the model has 0 to {}", t, what,
                  values[t], size - 1);
    }
  }
  return {};
}

Status check_batch(const ModelInfo& info, const RaggedBatch& batch) {
  RETURN_IF_ERROR(check_shape(info, batch));
  RETURN_IF_ERROR(check_range(batch.ids, info.vocab_size, "id"));
  if (info.type_vocab == 0) return {};
  return check_range(batch.type_ids, info.type_vocab, "type");
}

}  // namespace

Result<std::span<const float>> encode(const Model& model, const RaggedBatch& batch,
                                      Workspace& workspace, OutputRows rows) {
  RETURN_IF_ERROR(check_batch(model.info(), batch));
  return ForwardPass(model, batch, workspace).run(rows);
}

}  // namespace onecopy::worker
