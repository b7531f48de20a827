// The weight files of one model folder, as if they were one.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/publish/safetensors.h"
#include "shared/base/status.h"

namespace onecopy::host {

// A tensor in a file. Borrows both from the WeightFiles that found it.
struct TensorRef {
  const SafetensorsFile* file = nullptr;
  const SourceTensor* tensor = nullptr;
  explicit operator bool() const { return tensor != nullptr; }
};

// Class WeightFiles: owns the open files. Const methods may be called from any thread.
class WeightFiles {
 public:
  // model.safetensors, or the files that model.safetensors.index.json lists. A folder that has only
  // pytorch_model.bin is kUnsupported, with the command that converts it: a pickle can run code.
  static Result<WeightFiles> open(const std::filesystem::path& folder);
  // One file of any name.
  static Result<WeightFiles> open_file(const std::filesystem::path& path);

  TensorRef find(std::string_view name) const;
  // The file that lists the tensors, for messages.
  const std::filesystem::path& path() const { return path_; }
  std::vector<std::string> names() const;

 private:
  static Result<WeightFiles> open_sharded(const std::filesystem::path& folder,
                                          const std::filesystem::path& index);

  std::filesystem::path path_;
  std::map<std::string, std::unique_ptr<SafetensorsFile>> files_;  // by file name
  std::map<std::string, TensorRef, std::less<>> tensors_;
};

}  // namespace onecopy::host
