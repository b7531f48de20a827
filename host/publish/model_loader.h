// Model folder to published segment: everything between a path on the command line and a name that
// workers can attach. load_model reads as the list of its steps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "host/publish/precision.h"
#include "host/publish/tensor_catalogue.h"
#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

// One model as the user named it.
struct ModelSource {
  std::string name;
  std::filesystem::path folder;
  std::uint32_t version = 1;
  std::optional<std::filesystem::path> adapter = std::nullopt;  // a PEFT LoRA, merged in f32
  PrecisionChoice precision = PrecisionChoice::kF32;
};

// A published model. The segment's name lives as long as `segment`, or a later model that borrows
// from it: drop it to retire the model (see tensor_catalogue.h).
struct LoadedModel {
  std::shared_ptr<const PublishedSegment> segment;
  ModelInfo info;
  std::uint64_t bytes_own = 0;       // of the segment
  std::uint64_t bytes_borrowed = 0;  // of tensors that lie in other models' segments
  double seconds = 0;
  std::optional<double> precision_error;  // of precision=auto: see Compare
};

// Called with packed bytes done and total while loading: from several threads, never two at once.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// How far the answers of `candidate` are from those of `f32`, the same model's: see
// worker/trial/trial.h. kCorrupt: an answer of one of them is not finite, so it is no candidate.
using Compare =
    std::function<Result<double>(const PublishedSegment& f32, const PublishedSegment& candidate)>;

// What the caller brings to a load, the same for all models.
struct LoadContext {
  Arithmetic arithmetic;
  Compare compare;  // for precision=auto only
  Progress progress;
};

// Reads, packs, checksums and publishes; afterwards the catalogue knows the model's tensors. On
// error nothing is left behind, and the text names the model, the file, and what to do. Uses one
// thread per core. May be called from several threads with the same catalogue; `generation` must
// differ in each call.
Result<LoadedModel> load_model(const ModelSource& source, const std::string& instance,
                               std::uint64_t generation, TensorCatalogue& catalogue,
                               const LoadContext& context = {});

}  // namespace onecopy::host
