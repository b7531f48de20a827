// Loads model folders for a test, and unpacks what lies in their segments.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "host/convert.h"
#include "host/model_loader.h"
#include "host/weight_files.h"
#include "shared/names.h"
#include "shared/segment_reader.h"
#include "test_folder.h"

namespace onecopy::host {

// Segments of an instance of its own, which must all be gone at the end.
class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : instance_("loader-test-" + std::to_string(::getpid())) {}
  void TearDown() override {
    models_.clear();
    EXPECT_TRUE(list_segments(instance_).empty());
  }

  // The model stays until the end of the test.
  Result<LoadedModel> load(const std::filesystem::path& folder,
                           std::optional<std::filesystem::path> adapter = std::nullopt) {
    auto model =
        load_model({"m", folder, 1, std::move(adapter)}, instance_, ++generation_, catalogue_);
    if (model) models_.push_back(*model);
    return model;
  }
  Segment open(const LoadedModel& model) const {
    auto segment = Segment::open(model.segment->name(), Segment::Check::kContents);
    EXPECT_TRUE(segment) << segment.error().text;
    return std::move(*segment);
  }
  // The tensor as it was in the file, [rows, cols].
  static std::vector<float> unpack(const Segment& segment, std::string_view name) {
    for (const Segment::Entry& entry : segment.entries()) {
      if (entry.name != name) continue;
      const std::span<const float> packed = entry.view.floats();
      if (entry.view.layout == Layout::kRowMajor) return {packed.begin(), packed.end()};
      std::vector<float> out;
      for (std::size_t n = 0; n < entry.view.rows; ++n) {
        const float* panel = packed.data() + n / kPanelWidth * panel_floats(entry.view.cols);
        for (std::size_t k = 0; k < entry.view.cols; ++k)
          out.push_back(panel[k * kPanelWidth + n % kPanelWidth]);
      }
      return out;
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  static std::vector<float> in_file(const std::filesystem::path& path, std::string_view name) {
    const auto file = SafetensorsFile::open(path);
    EXPECT_TRUE(file) << file.error().text;
    const SourceTensor* tensor = file->find(name);
    if (tensor == nullptr) {
      ADD_FAILURE() << path << " has no " << name;
      return {};
    }
    std::vector<std::byte> bytes(tensor->bytes);
    EXPECT_TRUE(file->read(tensor->offset, bytes));
    std::vector<float> out(tensor->bytes / element_bytes(tensor->type));
    widen(tensor->type, bytes, out);
    return out;
  }

  // Writes a folder's weights again as f32, with what the caller changes.
  using Change = std::function<void(std::vector<MadeTensor>&)>;
  static void rewrite_weights(const TestFolder& folder, const Change& change) {
    const auto path = folder.path() / "model.safetensors";
    std::vector<MadeTensor> tensors;
    {
      const auto file = SafetensorsFile::open(path);
      for (const auto& [name, tensor] : file->tensors())
        tensors.push_back({name, tensor.shape, in_file(path, name)});
    }
    change(tensors);
    folder.write("model.safetensors", safetensors(tensors));
  }

  std::string instance_;
  std::uint64_t generation_ = 0;
  TensorCatalogue catalogue_;
  std::vector<LoadedModel> models_;
};

}  // namespace onecopy::host
