// Loads model folders for a test, and unpacks what lies in their segments.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "host/publish/convert.h"
#include "host/publish/model_loader.h"
#include "host/publish/weight_files.h"
#include "shared/base/bf16.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_reader.h"
#include "tests/host/publish/test_folder.h"

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
                           std::optional<std::filesystem::path> adapter = std::nullopt,
                           PrecisionChoice precision = PrecisionChoice::kF32) {
    auto model = load_model({"m", folder, 1, std::move(adapter), precision}, instance_,
                            ++generation_, catalogue_, context_);
    if (model) models_.push_back(*model);
    return model;
  }
  Result<LoadedModel> load(const std::filesystem::path& folder, PrecisionChoice precision) {
    return load(folder, std::nullopt, precision);
  }
  Segment open(const LoadedModel& model) const {
    auto segment = Segment::open(model.segment->name(), Segment::Check::kContents);
    EXPECT_TRUE(segment) << segment.error().text;
    return std::move(*segment);
  }
  // The tensor as it was in the file, [rows, cols], but for what its type has lost.
  static std::vector<float> unpack(const Segment& segment, std::string_view name) {
    for (const Segment::Entry& entry : segment.entries()) {
      if (entry.name == name) return unpack(entry.view);
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  static std::vector<float> unpack(const TensorView& view) {
    std::vector<float> out;
    for (std::size_t n = 0; n < view.rows; ++n) {
      for (std::size_t k = 0; k < view.cols; ++k) out.push_back(element(view, n, k));
    }
    return out;
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

 private:
  static float element(const TensorView& view, std::size_t n, std::size_t k) {
    const bool panels = view.layout == Layout::kPanels;
    const std::byte* panel = view.bytes.data();
    if (panels) panel += n / kPanelWidth * panel_bytes(view.dtype, view.cols);
    const std::size_t index =
        panels ? panel_index(view.dtype, view.cols, k, n % kPanelWidth) : n * view.cols + k;
    if (view.dtype == DType::kF32) return at<float>(panel, index);
    if (view.dtype == DType::kBf16) return widen_bf16(at<std::uint16_t>(panel, index));
    const std::byte* scales = panel + s8_panel(view.cols).scales;
    return static_cast<float>(at<std::int8_t>(panel, index)) * at<float>(scales, n % kPanelWidth);
  }
  template <class T>
  static T at(const std::byte* bytes, std::size_t index) {
    T value;
    std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
    return value;
  }

 protected:
  std::string instance_;
  std::uint64_t generation_ = 0;
  TensorCatalogue catalogue_;
  LoadContext context_;
  std::vector<LoadedModel> models_;
};

}  // namespace onecopy::host
