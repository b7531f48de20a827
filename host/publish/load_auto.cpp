#include "host/publish/load_auto.h"

#include <algorithm>
#include <vector>

#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

// Sets the f32 model that is compared with apart from the one that is kept.
constexpr std::uint64_t kReferenceGeneration = std::uint64_t{1} << 62;

// Fastest first. bf16 is worth it at f32's speed too: it takes half the memory.
std::vector<PrecisionChoice> candidates(const Arithmetic& arithmetic) {
  const double int8 = arithmetic.int8_speedup;
  const double bf16 = arithmetic.bf16_speedup;
  std::vector<PrecisionChoice> list;
  if (int8 > std::max(bf16, limits::kAutoSpeedup)) list.push_back(PrecisionChoice::kInt8);
  list.push_back(PrecisionChoice::kBf16);
  if (list.size() == 1 && int8 > limits::kAutoSpeedup) list.push_back(PrecisionChoice::kInt8);
  std::erase_if(list,
                [&](PrecisionChoice choice) { return !resolve_precision(choice, arithmetic); });
  return list;
}

}  // namespace

Result<LoadedModel> load_auto(const ModelSource& source, const std::string& instance,
                              std::uint64_t generation, TensorCatalogue& catalogue,
                              const LoadContext& context) {
  if (!context.compare) {
    return fail(ErrorCode::kUnsupported,
                "model {}: precision=auto: nothing here can compare answers", source.name);
  }
  ModelSource chosen = source;
  chosen.precision = PrecisionChoice::kF32;
  {
    TensorCatalogue scratch;  // nothing that is kept may borrow from the reference
    ASSIGN_OR_RETURN(const LoadedModel reference,
                     load_model(chosen, instance, generation | kReferenceGeneration, scratch));
    for (const PrecisionChoice candidate : candidates(context.arithmetic)) {
      chosen.precision = candidate;
      auto model = load_model(chosen, instance, generation, catalogue, context);
      if (!model && model.error().code == ErrorCode::kCorrupt) continue;  // weights without a scale
      if (!model) return model;
      const auto error = context.compare(*reference.segment, *model->segment);
      if (!error && error.error().code == ErrorCode::kCorrupt) continue;  // answers not finite
      if (!error) return in_context(fmt::format("model {}", source.name), error.error());
      model->precision_error = *error;
      if (*error <= limits::kAutoError) return model;
    }
  }
  chosen.precision = PrecisionChoice::kF32;
  return load_model(chosen, instance, generation, catalogue, context);
}

}  // namespace onecopy::host
