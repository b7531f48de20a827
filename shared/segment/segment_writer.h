// Builds a segment: create, fill, publish. Nothing has the published name before every byte is in
// place and checksummed; a writer that is destroyed (or killed) earlier leaves at most a ".loading"
// name that clean and the next start remove.
//
// Class SegmentWriter: owns the unpublished segment. One thread at a time, except that different
// tensors may be filled from different threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"
#include "shared/segment/packed_weight.h"
#include "shared/segment/segment_format.h"

namespace onecopy {

// A tensor that the new segment holds itself, or borrows from a published one.
struct TensorPlan {
  std::string name;
  Layout layout = Layout::kRowMajor;
  DType dtype = DType::kF32;
  std::size_t rows = 0;
  std::size_t cols = 0;
  // Of any rank, row-major: instead of [rows, cols]. {} is a single element.
  std::optional<std::vector<std::uint64_t>> dims = std::nullopt;
  Hash128 source = {};  // TensorRecord::source
  std::vector<std::uint64_t> shape() const;
  std::uint64_t bytes() const;  // 0: it cannot be stored
  struct Borrowed {
    std::string segment;  // the published segment that holds the bytes
    std::string tensor;   // its name there
    int fd = -1;  // of the segment, open until create() returns; -1: it is looked up by name
  };
  std::optional<Borrowed> borrowed = std::nullopt;
  // Index of an earlier plan entry of the same segment with the same bytes, stored once.
  std::optional<std::size_t> same_as = std::nullopt;
};

// What a segment has beside its tensors.
struct SegmentContents {
  SegmentKind kind = SegmentKind::kModel;
  std::string metadata;                // JSON
  std::span<const std::byte> payload;  // a model's: the tokenizer image. Copied.
};

class SegmentWriter {
 public:
  // Takes every page at once, huge ones where the system has them, so that a full /dev/shm is
  // kSystem here ("needs N bytes, M are free") and never a SIGBUS later.
  static Result<SegmentWriter> create(const std::string& name, const SegmentContents& contents,
                                      const std::vector<TensorPlan>& plan);
  // A model's.
  static Result<SegmentWriter> create(const std::string& name, const ModelInfo& info,
                                      std::span<const std::byte> tokenizer_image,
                                      const std::vector<TensorPlan>& plan);

  SegmentWriter(SegmentWriter&&) noexcept;
  SegmentWriter& operator=(SegmentWriter&&) noexcept;
  ~SegmentWriter();  // removes what was not published

  // The bytes of plan entry i, zero-filled, 64-byte aligned. Empty for borrowed and same_as
  // entries.
  std::span<std::byte> tensor(std::size_t i);

  std::size_t bytes() const;  // of the whole segment

  // Computes the hashes, makes the file read-only (0400) and gives it its name. The writer is
  // spent.
  Status publish();

 private:
  struct State;
  explicit SegmentWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Removes a published segment's name; processes that map it keep it until they let go.
Status unlink_segment(const std::string& name);

}  // namespace onecopy
