// One live host per instance name, and what dead ones left behind.
#pragma once

#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

// Class InstanceLock: holds the instance's lock file (flock), which the kernel releases when the
// process dies, however it does. The destructor removes the file. Move-only; one thread.
class InstanceLock {
 public:
  // kBusy when a live host has it; the text names that process.
  static Result<InstanceLock> acquire(const std::string& instance);
  InstanceLock(InstanceLock&&) noexcept = default;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();

  // Removes every segment name of the instance: with the lock held, all are a dead host's. Returns
  // them.
  std::vector<std::string> remove_leftovers() const;

 private:
  InstanceLock(std::string instance, UniqueFd fd)
      : instance_(std::move(instance)), fd_(std::move(fd)) {}
  std::string instance_;
  UniqueFd fd_;
};

}  // namespace onecopy::host
