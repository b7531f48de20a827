#include "host/publish/sharing.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "host/publish/fingerprint.h"
#include "host/publish/run_parallel.h"
#include "host/publish/tensor_packer.h"
#include "shared/base/limits.h"
#include "shared/segment/segment_reader.h"

namespace onecopy::host {
namespace {

// What is borrowed from a segment must be at least this part of it: a segment that is borrowed from
// stays when its own model is retired, and a few equal biases aren't worth that.
constexpr std::uint64_t kSmallestPart = 64;

// A published tensor that may equal one of ours.
struct Candidate {
  TensorCatalogue::Location location;
  TensorView view;
};

// Packs block by block and stops at the first difference. `other` packs or returns the same block
// of the other tensor.
template <class Other>
Result<bool> equal_blocks(const PlannedTensor& tensor, TensorPacker& packer, const Other& other) {
  std::vector<std::byte> block;
  for (std::size_t i = 0; i < block_grid(tensor.plan).blocks; ++i) {
    const std::size_t begin = block_offset(tensor.plan, i);
    block.resize(block_offset(tensor.plan, i + 1) - begin);
    RETURN_IF_ERROR(packer.pack(tensor, i, block));
    ASSIGN_OR_RETURN(const std::byte* theirs, other(i, begin, block.size()));
    if (std::memcmp(block.data(), theirs, block.size()) != 0) return false;
  }
  return true;
}

Result<bool> equals(const PlannedTensor& tensor, const TensorView& published,
                    TensorPacker& packer) {
  return equal_blocks(tensor, packer,
                      [&](std::size_t, std::size_t begin, std::size_t) -> Result<const std::byte*> {
                        return published.bytes.data() + begin;
                      });
}

Result<bool> equals(const PlannedTensor& tensor, const PlannedTensor& other, TensorPacker& packer) {
  std::vector<std::byte> theirs;
  return equal_blocks(
      tensor, packer,
      [&](std::size_t i, std::size_t, std::size_t size) -> Result<const std::byte*> {
        theirs.resize(size);
        RETURN_IF_ERROR(packer.pack(other, i, theirs));
        return theirs.data();
      });
}

// Class SharingFinder: keeps the published segments open that it compares with.
class SharingFinder {
 public:
  SharingFinder(std::vector<PlannedTensor>& tensors, TensorCatalogue& catalogue)
      : tensors_(tensors), catalogue_(catalogue) {}
  Result<Sharing> run();

 private:
  Status find_fingerprints();
  void find_candidates();
  std::vector<Candidate> published_like(std::size_t index);
  Status compare(std::size_t index, TensorPacker& packer);
  void drop_small_borrowings();
  void list_borrowed_segments();
  const Segment* open(const PublishedSegment& published);

  std::vector<PlannedTensor>& tensors_;
  TensorCatalogue& catalogue_;
  Sharing out_;
  std::map<std::string, std::optional<Segment>> open_;
  std::vector<std::optional<std::size_t>>
      earlier_;  // by plan index: the first with the same fingerprint
  std::vector<std::vector<Candidate>> candidates_;        // by plan index
  std::vector<PublishedSegment::Pointer> borrowed_from_;  // by plan index, null for most
};

Status SharingFinder::find_fingerprints() {
  return run_parallel(tensors_.size(), [&](std::size_t i, TensorPacker&) -> Status {
    ASSIGN_OR_RETURN(tensors_[i].plan.source, fingerprint(tensors_[i]));
    return {};
  });
}

// Null when it cannot be opened: then nothing is borrowed from it.
const Segment* SharingFinder::open(const PublishedSegment& published) {
  auto [at, fresh] = open_.try_emplace(published.name());
  if (fresh) {
    if (auto segment = Segment::open(published.files(), published.name(), SegmentCheck::kStructure))
      at->second = std::move(*segment);
  }
  return at->second ? &*at->second : nullptr;
}

std::vector<Candidate> SharingFinder::published_like(std::size_t index) {
  const TensorPlan& plan = tensors_[index].plan;
  std::vector<Candidate> list;
  for (TensorCatalogue::Location& location : catalogue_.find(plan.source)) {
    const Segment* segment = open(*location.segment);
    if (segment == nullptr) continue;
    const auto view =
        segment->tensor(location.tensor, plan.layout, plan.dtype, plan.rows, plan.cols);
    if (view) list.push_back({std::move(location), *view});
  }
  return list;
}

void SharingFinder::find_candidates() {
  std::map<Fingerprint, std::size_t> first;
  earlier_.resize(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto [at, fresh] = first.try_emplace(tensors_[i].plan.source, i);
    if (!fresh) earlier_[i] = at->second;
    candidates_.push_back(published_like(i));
  }
}

Status SharingFinder::compare(std::size_t index, TensorPacker& packer) {
  PlannedTensor& tensor = tensors_[index];
  if (earlier_[index]) {
    ASSIGN_OR_RETURN(const bool equal, equals(tensor, tensors_[*earlier_[index]], packer));
    if (equal) {
      tensor.plan.same_as = earlier_[index];
      return {};
    }
  }
  for (const Candidate& candidate : candidates_[index]) {
    ASSIGN_OR_RETURN(const bool equal, equals(tensor, candidate.view, packer));
    if (!equal) continue;
    tensor.plan.borrowed = {candidate.location.segment->name(), candidate.location.tensor,
                            candidate.location.segment->fd()};
    borrowed_from_[index] = candidate.location.segment;
    return {};
  }
  return {};
}

void SharingFinder::drop_small_borrowings() {
  std::map<PublishedSegment::Pointer, std::uint64_t> bytes;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const TensorPlan& plan = tensors_[i].plan;
    if (plan.borrowed) bytes[borrowed_from_[i]] += plan.bytes();
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!borrowed_from_[i]) continue;
    if (bytes[borrowed_from_[i]] >= open(*borrowed_from_[i])->bytes() / kSmallestPart) continue;
    tensors_[i].plan.borrowed.reset();
    borrowed_from_[i].reset();
  }
}

// Beyond the limit of dependencies a tensor is stored again.
void SharingFinder::list_borrowed_segments() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const PublishedSegment::Pointer& segment = borrowed_from_[i];
    if (!segment || std::ranges::find(out_.borrows_from, segment) != out_.borrows_from.end())
      continue;
    if (out_.borrows_from.size() == limits::kSegmentDependencies) {
      tensors_[i].plan.borrowed.reset();
    } else {
      out_.borrows_from.push_back(segment);
    }
  }
}

Result<Sharing> SharingFinder::run() {
  RETURN_IF_ERROR(find_fingerprints());
  find_candidates();
  borrowed_from_.resize(tensors_.size());
  RETURN_IF_ERROR(run_parallel(
      tensors_.size(), [&](std::size_t i, TensorPacker& packer) { return compare(i, packer); }));
  drop_small_borrowings();
  list_borrowed_segments();
  return std::move(out_);
}

}  // namespace

Result<Sharing> share_tensors(std::vector<PlannedTensor>& tensors, TensorCatalogue& catalogue) {
  return SharingFinder(tensors, catalogue).run();
}

}  // namespace onecopy::host
