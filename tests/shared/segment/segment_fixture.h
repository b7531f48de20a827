// A small published segment and its raw bytes, for the tests of the segment format.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "shared/segment/names.h"
#include "shared/segment/segment_reader.h"
#include "shared/segment/segment_writer.h"

namespace onecopy {

inline ModelInfo small_info() {
  ModelInfo info;
  info.name = "m";
  info.vocab_size = 10;
  info.hidden = 4;
  info.layers = 1;
  info.heads = 2;
  info.intermediate = 8;
  info.positions = 16;
  info.type_vocab = 2;
  info.max_tokens = 16;
  return info;
}

// Removes every segment of its own instance at the end.
class SegmentTest : public testing::Test {
 protected:
  SegmentTest() : instance_("segment-test-" + std::to_string(::getpid())) {}
  ~SegmentTest() override {
    for (const std::string& name : list_segments(instance_)) (void)unlink_segment(name);
  }

  std::string name(std::uint64_t generation) const {
    return format_segment_name({instance_, "m", 1, generation, false});
  }

  // A table of 3 x 5, a weight of 70 x 5 in two panels, and a second name for the table.
  static std::vector<TensorPlan> small_plan() {
    std::vector<TensorPlan> plan(3);
    plan[0] = {.name = "table", .rows = 3, .cols = 5};
    plan[1] = {.name = "weight", .layout = Layout::kPanels, .rows = 70, .cols = 5};
    plan[2] = {.name = "again", .rows = 3, .cols = 5};
    plan[2].same_as = 0;
    return plan;
  }

  static std::vector<std::byte> small_tokenizer() {
    return std::vector<std::byte>(100, std::byte{0x5a});
  }

  // Tensor i counts up from 1000 i.
  static void fill(SegmentWriter& writer, std::size_t tensors) {
    for (std::size_t i = 0; i < tensors; ++i) {
      const std::span<std::byte> bytes = writer.tensor(i);
      const std::span floats(reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float));
      std::iota(floats.begin(), floats.end(), 1000.0F * static_cast<float>(i));
    }
  }

  std::string publish(std::uint64_t generation, const std::vector<TensorPlan>& plan) {
    auto writer = SegmentWriter::create(name(generation), small_info(), small_tokenizer(), plan);
    EXPECT_TRUE(writer) << writer.error().text;
    fill(*writer, plan.size());
    const Status done = writer->publish();
    EXPECT_TRUE(done) << done.error().text;
    return name(generation);
  }
  std::string publish_small(std::uint64_t generation = 1) {
    return publish(generation, small_plan());
  }

  static std::vector<char> read_raw(const std::string& segment) {
    std::ifstream file(shared_memory_path(segment), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Puts these bytes under the name, as a broken or hostile writer might.
  static void write_raw(const std::string& segment, const std::vector<char>& bytes) {
    (void)unlink_segment(segment);
    std::ofstream file(shared_memory_path(segment), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ::chmod(shared_memory_path(segment).c_str(), 0400);
  }

  std::string instance_;
};

}  // namespace onecopy
