// One model's segment, mapped read-only. The only code that reads raw segment bytes.
//
// Class Segment: owns the mapping of its segment and of the segments whose tensors it borrows
// (equal tensors are stored once across models, so a directory entry may point into another model's
// segment). Move-only; const methods may be called from any thread. Views it hands out live as long
// as it does.
//
// Caveats: a mapping keeps the memory alive after the name is gone (that is how a model is replaced
// under traffic). A segment truncated from outside after mapping raises SIGBUS; nobody but root or
// the owner can.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"
#include "shared/segment/segment_file.h"
#include "shared/segment/tensor_view.h"

namespace onecopy {

class Segment {
 public:
  enum class Check {
    kStructure,  // header, directory, metadata: checksums, bounds, shapes. Microseconds: what a
                 // worker does
    kContents,  // also the checksum of every tensor and of the tokenizer: what the host and inspect
                // do
  };

  // Opens `name` of `available`, which holds all segments that it may borrow from as well. The
  // descriptors are not needed afterwards. Errors: kNotFound (it, or one that it borrows from, is
  // not among them), kCorrupt (says what is wrong), kUnsupported (another format version or layout;
  // names both), kSystem.
  static Result<Segment> open(std::span<const SegmentFile> available, std::string_view name,
                              Check check);
  // The same by published names, for command line tools and tests. What serves goes by descriptor.
  static Result<Segment> open(const std::string& name, Check check);

  Segment(Segment&&) noexcept;
  Segment& operator=(Segment&&) noexcept;
  ~Segment();

  const std::string& name() const;
  const ModelInfo& info() const;
  std::span<const std::byte> tokenizer_image() const;  // for Tokenizer::from_image

  // The tensor of this name (tensor_names.h); kCorrupt when the segment lacks it or its layout,
  // type or shape is another: the caller never has to check them again.
  Result<TensorView> tensor(std::string_view name, Layout layout, DType dtype, std::size_t rows,
                            std::size_t cols) const;

  // For inspect.
  struct Entry {
    std::string_view name;
    TensorView view;
    std::string_view segment;  // the one that holds the bytes: this one or a borrowed one
  };
  std::vector<Entry> entries() const;
  std::size_t bytes() const;  // of this segment alone, borrowed tensors not counted
  std::vector<std::string> dependencies() const;

 private:
  struct State;
  explicit Segment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace onecopy
