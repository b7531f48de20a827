// Which folders may be loaded at the word of a management request.
#pragma once

#include <filesystem>
#include <string>

#include "host/registry/refusal.h"

namespace onecopy::host {

// The folder that `url` names, absolute or relative to `root`, without symlinks. Refused: without a
// root (403), outside it once links are followed (403), not there or no folder (404).
Outcome<std::filesystem::path> folder_under_root(const std::filesystem::path& root,
                                                 const std::string& url);

}  // namespace onecopy::host
