#include "host/registry/held_segment.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "shared/segment/segment_writer.h"

namespace onecopy::host {
namespace {

void add(const HeldSegment::Pointer& segment, std::vector<HeldSegment::Pointer>& list) {
  if (std::ranges::find(list, segment) != list.end()) return;
  for (const auto& lender : segment->borrows_from()) add(lender, list);
  list.push_back(segment);
}

}  // namespace

HeldSegment::HeldSegment(std::string name, UniqueFd fd, std::vector<Pointer> borrows_from)
    : name_(std::move(name)), fd_(std::move(fd)), borrows_from_(std::move(borrows_from)) {
  struct stat facts {};
  if (::fstat(fd_.get(), &facts) == 0) bytes_ = static_cast<std::uint64_t>(facts.st_size);
}

HeldSegment::~HeldSegment() {
  // A name that is gone already is what we want; nobody could act on another error.
  if (!leave_name_) (void)unlink_segment(name_);
}

std::vector<HeldSegment::Pointer> with_borrowed(const HeldSegment::Pointer& segment) {
  std::vector<HeldSegment::Pointer> list;
  add(segment, list);
  return list;
}

}  // namespace onecopy::host
