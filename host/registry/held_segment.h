// A published segment as the host holds it: by descriptor, with the name that shows it in /dev/shm.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

// Class HeldSegment: owns the descriptor and the name. The name goes when the last owner lets go
// (processes that map the segment keep its memory until they do), unless it was told to stay for
// the next host. Keeps the segments that it borrows tensors from. One thread.
class HeldSegment {
 public:
  using Pointer = std::shared_ptr<const HeldSegment>;

  HeldSegment(std::string name, UniqueFd fd, std::vector<Pointer> borrows_from);
  ~HeldSegment();
  HeldSegment(const HeldSegment&) = delete;
  HeldSegment& operator=(const HeldSegment&) = delete;

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  std::uint64_t bytes() const { return bytes_; }
  const std::vector<Pointer>& borrows_from() const { return borrows_from_; }
  void leave_name() const { leave_name_ = true; }

 private:
  std::string name_;
  UniqueFd fd_;
  std::uint64_t bytes_ = 0;
  std::vector<Pointer> borrows_from_;
  mutable bool leave_name_ = false;
};

// What one model needs: the segments that it borrows from, directly or through others, then its
// own; each once.
std::vector<HeldSegment::Pointer> with_borrowed(const HeldSegment::Pointer& segment);

}  // namespace onecopy::host
