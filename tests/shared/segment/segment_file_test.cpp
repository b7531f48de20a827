// Segments opened by descriptor, and which files of a name are taken for one.
#include "shared/segment/segment_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "shared/segment/segment_head.h"
#include "tests/shared/segment/segment_fixture.h"

namespace onecopy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SegmentFileTest : public SegmentTest {
 protected:
  // Generation 1, and 2 that borrows its weight.
  void publish_both() {
    publish_small(1);
    std::vector<TensorPlan> plan = {
        {.name = "theirs", .layout = Layout::kPanels, .rows = 70, .cols = 5}};
    plan[0].borrowed = {name(1), "weight"};
    publish(2, plan);
  }
  UniqueFd open_file(std::uint64_t generation) const {
    auto fd = open_segment_file(name(generation));
    EXPECT_TRUE(fd) << fd.error().text;
    return fd ? std::move(*fd) : UniqueFd();
  }
  std::string path(std::uint64_t generation) const { return shared_memory_path(name(generation)); }
};

TEST_F(SegmentFileTest, DescriptorsAreEnough) {
  publish_both();
  UniqueFd first = open_file(1);
  UniqueFd second = open_file(2);
  ASSERT_TRUE(unlink_segment(name(1)) && unlink_segment(name(2)));
  const std::vector<SegmentFile> files = {{name(1), first.get()}, {name(2), second.get()}};
  const auto segment = Segment::open(files, name(2), Segment::Check::kContents);
  ASSERT_TRUE(segment) << segment.error().text;
  first.reset();
  second.reset();
  const auto view = segment->tensor("theirs", Layout::kPanels, DType::kF32, 70, 5);
  ASSERT_TRUE(view) << view.error().text;
  EXPECT_EQ(view->floats()[639], 1639.0F);
}

TEST_F(SegmentFileTest, OneThatIsNotHandedOverIsNamed) {
  publish_both();
  const UniqueFd second = open_file(2);
  const std::vector<SegmentFile> files = {{name(2), second.get()}};
  const auto alone = Segment::open(files, name(2), Segment::Check::kStructure);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(alone.error().text, HasSubstr(name(1)));
  EXPECT_EQ(Segment::open(files, name(1), Segment::Check::kStructure).error().code,
            ErrorCode::kNotFound);
}

TEST_F(SegmentFileTest, AnotherFileUnderADependencysNameIsRefused) {
  publish_both();
  publish_small(3);
  const UniqueFd second = open_file(2);
  const UniqueFd third = open_file(3);
  const std::vector<SegmentFile> files = {{name(1), third.get()}, {name(2), second.get()}};
  const auto segment = Segment::open(files, name(2), Segment::Check::kStructure);
  ASSERT_FALSE(segment);
  EXPECT_THAT(segment.error().text, HasSubstr("another segment"));
}

TEST_F(SegmentFileTest, HeadNeedsNoDependency) {
  publish_both();
  const UniqueFd second = open_file(2);
  ASSERT_TRUE(unlink_segment(name(1)));
  const auto head = read_segment_head(second.get());
  ASSERT_TRUE(head) << head.error().text;
  EXPECT_EQ(head->kind, SegmentKind::kModel);
  EXPECT_EQ(head->model, small_info());
  EXPECT_EQ(head->total_bytes, read_raw(name(2)).size());
  EXPECT_EQ(head->borrowed_bytes, 2U * 5 * 64 * sizeof(float));
  EXPECT_THAT(head->borrows_from, ElementsAre(name(1)));

  publish_small(3);
  const auto other = read_segment_head(open_file(3).get());
  ASSERT_TRUE(other) << other.error().text;
  EXPECT_THAT(other->borrows_from, IsEmpty());
  EXPECT_NE(other->identity, head->identity);
}

TEST_F(SegmentFileTest, WhatAnotherCouldHavePutThereIsRefused) {
  publish_small(1);
  ASSERT_EQ(::chmod(path(1).c_str(), 0600), 0);
  EXPECT_THAT(open_segment_file(name(1)).error().text, HasSubstr("0600"));
  ASSERT_EQ(::chmod(path(1).c_str(), 0400), 0);

  ASSERT_EQ(::symlink(path(1).c_str(), path(2).c_str()), 0);
  EXPECT_EQ(open_segment_file(name(2)).error().code, ErrorCode::kCorrupt);
  ASSERT_EQ(::mkfifo(path(3).c_str(), 0400), 0);
  EXPECT_THAT(open_segment_file(name(3)).error().text, HasSubstr("not a plain file"));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path(1).c_str(), 12345, 0), 0);
    EXPECT_THAT(open_segment_file(name(1)).error().text, HasSubstr("user 12345"));
  }
}

TEST_F(SegmentFileTest, OnlyPublishedNamesAreOpened) {
  for (const std::string& text :
       {name(9), name(1) + ".loading", std::string("../etc/passwd"), std::string()}) {
    EXPECT_EQ(open_segment_file(text).error().code, ErrorCode::kNotFound) << text;
  }
  EXPECT_FALSE(read_segment_head(-1));
}

}  // namespace
}  // namespace onecopy
