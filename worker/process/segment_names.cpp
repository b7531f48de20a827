#include "worker/process/segment_names.h"

#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/protocol/rendezvous.h"
#include "shared/segment/names.h"

namespace onecopy::worker {
namespace {

bool answers(const std::string& instance) {
  return connect_to(instance, Role::kHost) || connect_to(instance, Role::kGateway);
}

// The same generation may be another host's by now, with another file.
bool is_same_file(int fd, const std::string& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

}  // namespace

void remove_names_of_the_dead(const std::string& instance, const KeptState& kept) {
  if (kept.segments().empty() || answers(instance)) return;
  for (const auto& [name, fd] : kept.segments()) {
    const std::string path = shared_memory_path(name);
    if (is_same_file(fd.get(), path)) ::unlink(path.c_str());
  }
  log_line("the last process of the instance ends, so the segments' names are removed");
}

}  // namespace onecopy::worker
