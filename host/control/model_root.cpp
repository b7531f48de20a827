#include "host/control/model_root.h"

#include <algorithm>
#include <system_error>

#include "shared/base/quoted.h"

namespace onecopy::host {

Outcome<std::filesystem::path> folder_under_root(const std::filesystem::path& root,
                                                 const std::string& url) {
  if (root.empty()) {
    return refuse(Refused::kForbidden,
                  "models can only be registered where onecopy serve was given --model-root DIR");
  }
  if (url.empty() || url.find('\0') != std::string::npos) {
    return refuse(Refused::kBadRequest, "url: it must name a model folder");
  }
  const std::filesystem::path asked(url);
  if (std::ranges::find(asked, std::filesystem::path("..")) != asked.end()) {
    return refuse(Refused::kForbidden, "url {}: '..' is not allowed", in_quotes(url));
  }
  std::error_code error;
  const auto canonical_root = std::filesystem::canonical(root, error);
  if (error) {
    return refuse(Refused::kNotFound, "--model-root {}: {}", root.string(), error.message());
  }
  const auto folder = std::filesystem::canonical(canonical_root / asked, error);
  if (error) return refuse(Refused::kNotFound, "url {}: {}", in_quotes(url), error.message());
  const auto [rest, in_folder] = std::ranges::mismatch(canonical_root, folder);
  if (rest != canonical_root.end()) {
    return refuse(Refused::kForbidden, "url {}: it is not in --model-root {}", in_quotes(url),
                  root.string());
  }
  if (!std::filesystem::is_directory(folder, error)) {
    return refuse(Refused::kNotFound, "url {}: it is no folder", in_quotes(url));
  }
  return folder;
}

}  // namespace onecopy::host
