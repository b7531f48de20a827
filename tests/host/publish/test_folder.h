// A temporary folder to make model folders in, and safetensors files right and wrong.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/json.h"

namespace onecopy::host {

inline std::filesystem::path golden_model(const std::string& name) {
  return std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden/models" / name;
}

// Removes itself at the end.
class TestFolder {
 public:
  TestFolder() {
    std::string path = testing::TempDir() + "onecopy-host-XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void copy(const std::filesystem::path& from) const {
    std::filesystem::copy(from, path_,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }
  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Changes a JSON file's fields; null removes one.
  void patch(const std::string& name, const Json& change) const {
    Json json = Json::parse(read(name));
    json.merge_patch(change);
    write(name, json.dump());
  }

 private:
  std::filesystem::path path_;
};

// The bytes of a safetensors file with this header and so many bytes behind it.
inline std::string safetensors(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += header;
  file.append(data_bytes, '\0');
  return file;
}

// One tensor of a file that is to be made.
struct MadeTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<float> values;
};

inline std::string safetensors(const std::vector<MadeTensor>& tensors) {
  Json header = Json::object();
  std::string data;
  for (const MadeTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()),
                tensor.values.size() * sizeof(float));
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  std::string file = safetensors(header.dump(), 0);
  file += data;
  return file;
}

}  // namespace onecopy::host
