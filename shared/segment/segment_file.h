// Published segments as open files. A process that has a segment's descriptor needs its name no
// more: nobody can put another file under it, and a name that is removed takes nothing away.
#pragma once

#include <sys/types.h>

#include <string>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

// A segment handed from one process to another. The descriptor is borrowed: it must stay open for
// the call that takes it, and no longer.
struct SegmentFile {
  std::string name;
  int fd = -1;
};

// Opens a published name read-only. No link is followed, and nothing is believed that another user
// could have put there or could still write: a plain file, of this user or root, without a write
// bit. kNotFound: no such name; kCorrupt says what is wrong with the file.
Result<UniqueFd> open_segment_file(const std::string& name);

}  // namespace onecopy
