// Whether a model's files were changed since it was loaded.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace onecopy::host {

// A short text that differs when a file of the folder, or of the adapter's, was added, removed,
// resized or written to. A folder that cannot be read has a stamp too.
std::string folder_stamp(const std::filesystem::path& folder,
                         const std::optional<std::filesystem::path>& adapter);

}  // namespace onecopy::host
