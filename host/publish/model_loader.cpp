#include "host/publish/model_loader.h"

#include <sys/mman.h>

#include <chrono>
#include <mutex>

#include "host/publish/load_auto.h"
#include "host/publish/model_config.h"
#include "host/publish/model_folder.h"
#include "host/publish/model_task.h"
#include "host/publish/named_weights.h"
#include "host/publish/run_parallel.h"
#include "host/publish/sharing.h"
#include "host/publish/tensor_packer.h"
#include "host/publish/tokenizer/build_tokenizer.h"
#include "host/publish/weight_files.h"
#include "host/publish/weight_plan.h"
#include "shared/base/quoted.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_writer.h"

namespace onecopy::host {
namespace {

using Clock = std::chrono::steady_clock;

// A block of a tensor that the segment holds itself.
struct Job {
  std::size_t tensor;
  std::size_t block;
};

std::vector<Job> list_jobs(const std::vector<PlannedTensor>& tensors) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].plan.borrowed || tensors[i].plan.same_as) continue;
    for (std::size_t block = 0; block < block_grid(tensors[i].plan).blocks; ++block)
      jobs.push_back({i, block});
  }
  return jobs;
}

// Lets the kernel map the pages of a block at once: a fault for each of them was measured to take
// five times as long as the packing. Where the kernel (before 5.14) cannot, the faults do it.
void populate(std::span<std::byte> block) {
  constexpr std::uintptr_t kPage = 4096;
  const std::size_t before = reinterpret_cast<std::uintptr_t>(block.data()) % kPage;
  (void)::madvise(block.data() - before, block.size() + before, MADV_POPULATE_WRITE);
}

// Tells the caller how far it is, one thread at a time.
class Meter {
 public:
  Meter(const Progress& progress, std::uint64_t total) : progress_(progress), total_(total) {}
  void add(std::uint64_t bytes) {
    if (!progress_) return;
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    progress_(done_, total_);
  }

 private:
  const Progress& progress_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::mutex mutex_;
};

Status pack_all(const std::vector<PlannedTensor>& tensors, SegmentWriter& writer,
                const Progress& progress) {
  const std::vector<Job> jobs = list_jobs(tensors);
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (!tensor.plan.borrowed && !tensor.plan.same_as) total += tensor.plan.bytes();
  }
  Meter meter(progress, total);
  return run_parallel(jobs.size(), [&](std::size_t i, TensorPacker& packer) -> Status {
    const auto [tensor, block] = jobs[i];
    const TensorPlan& plan = tensors[tensor].plan;
    const std::size_t begin = block_offset(plan, block);
    const auto out = writer.tensor(tensor).subspan(begin, block_offset(plan, block + 1) - begin);
    populate(out);
    RETURN_IF_ERROR(packer.pack(tensors[tensor], block, out));
    meter.add(out.size());
    return {};
  });
}

std::vector<TensorPlan> plans_of(const std::vector<PlannedTensor>& tensors) {
  std::vector<TensorPlan> plans;
  plans.reserve(tensors.size());
  for (const PlannedTensor& tensor : tensors) plans.push_back(tensor.plan);
  return plans;
}

std::uint64_t borrowed_bytes(const std::vector<PlannedTensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (tensor.plan.borrowed) bytes += tensor.plan.bytes();
  }
  return bytes;
}

// The adapter, if the model has one; `adapter` keeps it.
Result<Adapter*> open_adapter(const ModelSource& source, std::optional<Adapter>& adapter) {
  if (!source.adapter) return nullptr;
  ASSIGN_OR_RETURN(adapter, Adapter::open(*source.adapter));
  return &*adapter;
}

Status check_source(const ModelSource& source, const std::string& instance) {
  for (const std::string& name : {source.name, instance}) {
    if (!is_valid_name(name))
      return fail(ErrorCode::kInvalidArgument, "{}: {}", in_quotes(name), kNameRule);
  }
  if (source.version > 0) return {};
  return fail(ErrorCode::kInvalidArgument, "version 0: a version is 1 or more");
}

Result<LoadedModel> load(const ModelSource& source, const std::string& instance,
                         std::uint64_t generation, TensorCatalogue& catalogue,
                         const LoadContext& context) {
  const auto start = Clock::now();
  RETURN_IF_ERROR(check_source(source, instance));

  // 1. What the folder says the model is.
  ASSIGN_OR_RETURN(const ModelFolder folder, read_model_folder(source.folder));
  ASSIGN_OR_RETURN(const ModelConfig config, read_model_config(folder.transformer));

  // 2. Its tensors, and its adapter's.
  ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::open(folder.transformer));
  std::optional<Adapter> owned_adapter;
  ASSIGN_OR_RETURN(Adapter* const adapter, open_adapter(source, owned_adapter));
  const NamedWeights weights(config.encoder.family, files, adapter);

  // 3. Its head, and its tokenizer.
  const std::optional<Task> adapter_task = adapter == nullptr ? std::nullopt : adapter->task();
  ASSIGN_OR_RETURN(ModelInfo info, decide_head(config, folder.sentence, adapter_task, weights));
  ASSIGN_OR_RETURN(const BuiltTokenizer tokenizer, build_tokenizer(folder.transformer));
  info.name = source.name;
  info.version = source.version;
  ASSIGN_OR_RETURN(info.precision, resolve_precision(source.precision, context.arithmetic));
  info.max_tokens = max_tokens(info, folder.sentence, tokenizer.model_max_length);

  // 4. Which tensor goes where, and which are in memory already.
  ASSIGN_OR_RETURN(std::vector<PlannedTensor> tensors, plan_weights(info, weights));
  if (adapter != nullptr) RETURN_IF_ERROR(adapter->check_all_used(info.task));
  ASSIGN_OR_RETURN(Sharing sharing, share_tensors(tensors, catalogue));

  // 5. The segment: reserve, pack, publish.
  const std::string name = format_segment_name({instance, source.name, source.version, generation});
  ASSIGN_OR_RETURN(SegmentWriter writer,
                   SegmentWriter::create(name, info, tokenizer.image, plans_of(tensors)));
  RETURN_IF_ERROR(pack_all(tensors, writer, context.progress));
  RETURN_IF_ERROR(writer.publish());

  // 6. From now on others can borrow from it.
  LoadedModel model;
  model.bytes_own = writer.bytes();
  auto fd = open_segment_file(name);
  if (!fd) {
    (void)unlink_segment(name);  // nobody could act on another error
    return tl::unexpected<Error>(fd.error());
  }
  model.segment =
      std::make_shared<PublishedSegment>(name, std::move(*fd), std::move(sharing.borrows_from),
                                         std::make_shared<SegmentWriter>(std::move(writer)));
  RETURN_IF_ERROR(catalogue.add_segment(model.segment));
  model.info = std::move(info);
  model.bytes_borrowed = borrowed_bytes(tensors);
  model.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return model;
}

}  // namespace

Result<LoadedModel> load_model(const ModelSource& source, const std::string& instance,
                               std::uint64_t generation, TensorCatalogue& catalogue,
                               const LoadContext& context) {
  if (source.precision == PrecisionChoice::kAuto) {
    return load_auto(source, instance, generation, catalogue, context);
  }
  try {
    auto model = load(source, instance, generation, catalogue, context);
    if (!model) return in_context(fmt::format("model {}", source.name), model.error());
    return model;
  } catch (const std::exception& e) {  // out of memory, no more threads
    return fail(ErrorCode::kSystem, "model {}: {}", source.name, e.what());
  }
}

}  // namespace onecopy::host
