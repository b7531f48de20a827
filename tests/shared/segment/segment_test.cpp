#include <gmock/gmock.h>
#include <sys/statvfs.h>

#include <fmt/format.h>

#include <algorithm>

#include "shared/segment/segment_head.h"
#include "tests/shared/segment/segment_fixture.h"

namespace onecopy {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SegmentTest, WhatIsWrittenIsRead) {
  const auto segment = Segment::open(publish_small(), Segment::Check::kContents);
  ASSERT_TRUE(segment) << segment.error().text;
  EXPECT_EQ(segment->info(), small_info());
  EXPECT_EQ(segment->tokenizer_image().size(), 100U);
  EXPECT_EQ(segment->tokenizer_image()[99], std::byte{0x5a});

  const auto table = segment->tensor("table", Layout::kRowMajor, DType::kF32, 3, 5);
  ASSERT_TRUE(table) << table.error().text;
  EXPECT_EQ(table->floats().size(), 15U);
  EXPECT_EQ(table->floats()[14], 14.0F);
  const auto weight = segment->tensor("weight", Layout::kPanels, DType::kF32, 70, 5);
  ASSERT_TRUE(weight) << weight.error().text;
  EXPECT_EQ(weight->floats().size(), 2U * 5 * 64);
  EXPECT_EQ(weight->floats()[639], 1639.0F);
  for (const Segment::Entry& entry : segment->entries()) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(entry.view.bytes.data()) % 64, 0U) << entry.name;
  }
}

// One tensor of each type: bytes as packed_weight.h makes them, an odd number of columns.
TEST_F(SegmentTest, EveryTypeOfElement) {
  const std::vector<TensorPlan> plan = {
      {.name = "bf16 rows", .dtype = DType::kBf16, .rows = 3, .cols = 5},
      {.name = "bf16", .layout = Layout::kPanels, .dtype = DType::kBf16, .rows = 70, .cols = 5},
      {.name = "s8", .layout = Layout::kPanels, .dtype = DType::kS8, .rows = 70, .cols = 65}};
  auto writer = SegmentWriter::create(name(1), small_info(), {}, plan);
  ASSERT_TRUE(writer) << writer.error().text;
  const std::vector<std::size_t> sizes = {30, 2UL * 64 * 64 * 2,
                                          2UL * (128 * 64 + 2 * 64 * 2 + 64 * 4 + 64 * 4)};
  for (std::size_t i = 0; i < plan.size(); ++i) {
    ASSERT_EQ(writer->tensor(i).size(), sizes[i]);
    std::ranges::fill(writer->tensor(i), std::byte(i + 1));
  }
  ASSERT_TRUE(writer->publish());
  const auto segment = Segment::open(name(1), Segment::Check::kContents);
  ASSERT_TRUE(segment) << segment.error().text;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const TensorPlan& t = plan[i];
    const auto view = segment->tensor(t.name, t.layout, t.dtype, t.rows, t.cols);
    ASSERT_TRUE(view) << view.error().text;
    EXPECT_EQ(view->dtype, t.dtype);
    EXPECT_EQ(view->bytes.size(), sizes[i]);
    EXPECT_EQ(view->bytes.back(), std::byte(i + 1));
    const auto as_f32 = segment->tensor(t.name, t.layout, DType::kF32, t.rows, t.cols);
    EXPECT_THAT(as_f32.error().text, HasSubstr(to_string(t.dtype)));
  }
  EXPECT_EQ(segment->tensor("bf16 rows", Layout::kRowMajor, DType::kBf16, 3, 5)->bf16s().size(),
            15U);
}

// A module's: any type and rank, its own payload, and no ModelInfo.
TEST_F(SegmentTest, OtherKindsHoldTensorsOfAnyTypeAndRank) {
  using Dims = std::vector<std::uint64_t>;
  std::vector<TensorPlan> plan;
  for (std::uint32_t dtype = 0; dtype < kDTypes; ++dtype) {
    plan.push_back({.name = fmt::format("t{}", dtype),
                    .dtype = static_cast<DType>(dtype),
                    .dims = Dims{2, 3, 1, 5}});
  }
  plan.push_back({.name = "count", .dtype = DType::kS64, .dims = Dims{}, .source = {7, 8}});
  plan.push_back({.name = "deep", .dtype = DType::kBool, .dims = Dims(8, 2)});
  const auto payload = std::as_bytes(std::span("archive"));
  for (const SegmentKind kind : {SegmentKind::kContexts, SegmentKind::kModule}) {
    const std::string segment = name(10 + static_cast<std::uint64_t>(kind));
    auto writer = SegmentWriter::create(
        segment, {.kind = kind, .metadata = R"({"a":1})", .payload = payload}, plan);
    ASSERT_TRUE(writer) << writer.error().text;
    for (std::size_t i = 0; i < plan.size(); ++i)
      std::ranges::fill(writer->tensor(i), std::byte(i + 1));
    ASSERT_TRUE(writer->publish());

    const auto opened = SegmentContainer::open(segment, SegmentCheck::kContents);
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->kind(), kind);
    EXPECT_EQ(opened->metadata(), R"({"a":1})");
    EXPECT_TRUE(std::ranges::equal(opened->section(SectionKind::kPayload), payload));
    EXPECT_THAT(opened->section(SectionKind::kTokenizer), IsEmpty());
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const auto view = opened->tensor(plan[i].name);
      ASSERT_TRUE(view) << view.error().text;
      EXPECT_EQ(view->dtype, plan[i].dtype);
      EXPECT_TRUE(std::ranges::equal(view->dims, *plan[i].dims));
      EXPECT_EQ(view->bytes.size(), plan[i].bytes());
      EXPECT_EQ(view->bytes.back(), std::byte(i + 1));
    }
    EXPECT_EQ(opened->tensor("count")->bytes.size(), 8U);
    EXPECT_EQ(opened->tensor("t4")->bytes.size(), 60U);
    EXPECT_THAT(Segment::open(segment, SegmentCheck::kStructure).error().text,
                HasSubstr(to_string(kind)));
    const auto head = read_segment_head(open_segment_file(segment)->get());
    ASSERT_TRUE(head) << head.error().text;
    EXPECT_EQ(head->kind, kind);
    EXPECT_FALSE(head->model);
  }
}

TEST_F(SegmentTest, EqualContentHasOneHash) {
  const auto one = SegmentContainer::open(publish_small(1), SegmentCheck::kStructure);
  const auto two = SegmentContainer::open(publish_small(2), SegmentCheck::kStructure);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->entries()[0].hash, two->entries()[0].hash);
  EXPECT_EQ(one->entries()[0].hash, one->entries()[2].hash);
  EXPECT_NE(one->entries()[0].hash, one->entries()[1].hash);
}

TEST_F(SegmentTest, EqualTensorsAreStoredOnce) {
  const auto segment = Segment::open(publish_small(), Segment::Check::kContents);
  ASSERT_TRUE(segment);
  const auto table = segment->tensor("table", Layout::kRowMajor, DType::kF32, 3, 5);
  const auto again = segment->tensor("again", Layout::kRowMajor, DType::kF32, 3, 5);
  EXPECT_EQ(table->bytes.data(), again->bytes.data());
}

TEST_F(SegmentTest, AnotherShapeOrLayoutOrNameIsRefused) {
  const auto segment = Segment::open(publish_small(), Segment::Check::kStructure);
  ASSERT_TRUE(segment);
  EXPECT_THAT(segment->tensor("table", Layout::kRowMajor, DType::kF32, 5, 3).error().text,
              HasSubstr("[3, 5]"));
  EXPECT_FALSE(segment->tensor("table", Layout::kPanels, DType::kF32, 3, 5));
  EXPECT_THAT(segment->tensor("tables", Layout::kRowMajor, DType::kF32, 3, 5).error().text,
              HasSubstr("no tensor tables"));
}

TEST_F(SegmentTest, NothingHasTheNameBeforePublish) {
  {
    auto writer = SegmentWriter::create(name(1), small_info(), small_tokenizer(), small_plan());
    ASSERT_TRUE(writer);
    EXPECT_EQ(Segment::open(name(1), Segment::Check::kStructure).error().code,
              ErrorCode::kNotFound);
    EXPECT_THAT(list_segments(instance_), ElementsAre(name(1) + ".loading"));
    EXPECT_FALSE(Segment::open(name(1) + ".loading", Segment::Check::kStructure));
  }
  EXPECT_THAT(list_segments(instance_), IsEmpty());
}

TEST_F(SegmentTest, PublishedIsReadOnlyAndNeverReplaced) {
  publish_small();
  struct stat info {};
  ASSERT_EQ(::stat(shared_memory_path(name(1)).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0400U);

  auto second = SegmentWriter::create(name(1), small_info(), small_tokenizer(), small_plan());
  ASSERT_TRUE(second);
  const auto before = read_raw(name(1));
  EXPECT_FALSE(second->publish());
  EXPECT_EQ(read_raw(name(1)), before);
}

TEST_F(SegmentTest, MappingOutlivesTheName) {
  const auto segment = Segment::open(publish_small(), Segment::Check::kStructure);
  ASSERT_TRUE(segment);
  ASSERT_TRUE(unlink_segment(name(1)));
  EXPECT_EQ(segment->tensor("table", Layout::kRowMajor, DType::kF32, 3, 5)->floats()[7], 7.0F);
  EXPECT_EQ(unlink_segment(name(1)).error().code, ErrorCode::kNotFound);
}

TEST_F(SegmentTest, MoreThanTheMemoryIsACleanError) {
  struct statvfs memory {};
  ASSERT_EQ(::statvfs("/dev/shm", &memory), 0);
  if (memory.f_blocks == 0) GTEST_SKIP() << "/dev/shm has no limit here";
  std::vector<TensorPlan> plan = {
      {.name = "huge", .rows = 1 << 20, .cols = memory.f_blocks * memory.f_frsize >> 20}};
  const auto writer = SegmentWriter::create(name(1), small_info(), {}, plan);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kSystem);
  EXPECT_THAT(writer.error().text, testing::AllOf(HasSubstr(name(1)), HasSubstr("needs"),
                                                  HasSubstr("are free in /dev/shm")));
  EXPECT_THAT(list_segments(instance_), IsEmpty());
}

TEST_F(SegmentTest, BadPlansAreRefused) {
  const auto create = [&](std::vector<TensorPlan> plan) {
    return SegmentWriter::create(name(1), small_info(), {}, std::move(plan)).has_value();
  };
  EXPECT_FALSE(create({{.name = "", .rows = 1, .cols = 1}}));
  EXPECT_FALSE(create({{.name = "a", .rows = 0, .cols = 1}}));
  EXPECT_FALSE(create({{.name = "a", .rows = 1, .cols = std::size_t{1} << 55}}));
  EXPECT_FALSE(create({{.name = "a", .dtype = static_cast<DType>(10), .rows = 1, .cols = 1}}));
  for (const DType dtype : {DType::kF16, DType::kS64, DType::kU8}) {
    EXPECT_FALSE(
        create({{.name = "a", .layout = Layout::kPanels, .dtype = dtype, .rows = 1, .cols = 1}}));
  }
  using Dims = std::vector<std::uint64_t>;
  EXPECT_FALSE(create({{.name = "a", .layout = Layout::kPanels, .dims = Dims{1, 1, 1}}}));
  EXPECT_FALSE(create({{.name = "a", .dims = Dims{2, 0, 2}}}));
  EXPECT_FALSE(create({{.name = "a", .dims = Dims(9, 1)}}));
  EXPECT_FALSE(create({{.name = "a", .dims = Dims(8, std::uint64_t{1} << 60)}}));
  std::vector<TensorPlan> plan = small_plan();
  plan[2].dtype = DType::kBf16;  // the same as one of another type
  EXPECT_FALSE(create(plan));
  plan = small_plan();
  plan[2].same_as = 2;
  EXPECT_FALSE(create(plan));
  plan[2].same_as = 1;
  EXPECT_FALSE(create(plan));
  ModelInfo info = small_info();
  info.max_tokens = 0;
  EXPECT_FALSE(SegmentWriter::create(name(1), info, {}, small_plan()));
  EXPECT_THAT(list_segments(instance_), IsEmpty());
}

class BorrowingTest : public SegmentTest {
 protected:
  // Generation 2 borrows the weight of generation 1, twice, and has one tensor of its own.
  void publish_both() {
    publish_small(1);
    std::vector<TensorPlan> plan(3);
    plan[0] = {.name = "theirs", .layout = Layout::kPanels, .rows = 70, .cols = 5};
    plan[0].borrowed = {name(1), "weight"};
    plan[1] = plan[0];
    plan[1].name = "theirs too";
    plan[1].borrowed.reset();
    plan[1].same_as = 0;
    plan[2] = {.name = "own", .rows = 1, .cols = 2};
    publish(2, plan);
  }
};

TEST_F(BorrowingTest, BorrowedTensorsAreTheOthersBytes) {
  publish_both();
  const auto segment = Segment::open(name(2), Segment::Check::kContents);
  ASSERT_TRUE(segment) << segment.error().text;
  EXPECT_THAT(segment->dependencies(), ElementsAre(name(1)));
  for (const char* tensor : {"theirs", "theirs too"}) {
    const auto view = segment->tensor(tensor, Layout::kPanels, DType::kF32, 70, 5);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->floats()[639], 1639.0F);
  }
  EXPECT_EQ(segment->tensor("own", Layout::kRowMajor, DType::kF32, 1, 2)->floats()[1], 2001.0F);
  EXPECT_EQ(segment->entries()[0].segment, name(1));
  EXPECT_EQ(segment->entries()[2].segment, name(2));
  EXPECT_THAT(Segment::open(name(1), Segment::Check::kStructure)->bytes(), Gt(segment->bytes()));
}

TEST_F(BorrowingTest, MissingDependencyIsAnError) {
  publish_both();
  ASSERT_TRUE(unlink_segment(name(1)));
  const auto segment = Segment::open(name(2), Segment::Check::kStructure);
  ASSERT_FALSE(segment);
  EXPECT_THAT(segment.error().text, HasSubstr(name(1)));
}

TEST_F(BorrowingTest, AnotherSegmentOfTheSameNameIsNotMistaken) {
  publish_both();
  ASSERT_TRUE(unlink_segment(name(1)));
  publish_small(1);  // the same bytes, but another segment
  const auto segment = Segment::open(name(2), Segment::Check::kStructure);
  ASSERT_FALSE(segment);
  EXPECT_THAT(segment.error().text, HasSubstr("another segment"));
}

TEST_F(BorrowingTest, DamageInTheOtherIsFound) {
  publish_both();
  std::vector<char> bytes = read_raw(name(1));
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
  write_raw(name(1), bytes);
  EXPECT_TRUE(Segment::open(name(2), Segment::Check::kStructure));
  EXPECT_FALSE(Segment::open(name(2), Segment::Check::kContents));
}

TEST_F(BorrowingTest, OnlyTensorsThatTheOtherHoldsAreBorrowed) {
  publish_both();
  std::vector<TensorPlan> plan = {{.name = "x", .layout = Layout::kPanels, .rows = 70, .cols = 5}};
  plan[0].borrowed = {name(2), "theirs"};
  EXPECT_FALSE(SegmentWriter::create(name(3), small_info(), {}, plan));
  plan[0].borrowed = {name(1), "no such"};
  EXPECT_FALSE(SegmentWriter::create(name(3), small_info(), {}, plan));
  plan[0].borrowed = {name(1), "table"};  // another shape
  EXPECT_FALSE(SegmentWriter::create(name(3), small_info(), {}, plan));
  plan[0].dtype = DType::kBf16;  // another type
  plan[0].borrowed = {name(1), "weight"};
  EXPECT_FALSE(SegmentWriter::create(name(3), small_info(), {}, plan));
  plan[0].dtype = DType::kF32;
  plan[0].borrowed = {name(9), "weight"};
  EXPECT_FALSE(SegmentWriter::create(name(3), small_info(), {}, plan));
}

}  // namespace
}  // namespace onecopy
