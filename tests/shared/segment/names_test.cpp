#include "shared/segment/names.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace onecopy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(Names, FormatAndParseAgree) {
  const SegmentName name{"team-a", "qa0", 3, 12345678901234ULL, false};
  EXPECT_EQ(format_segment_name(name), "onecopy:team-a:qa0:3:12345678901234");
  EXPECT_EQ(parse_segment_name("onecopy:team-a:qa0:3:12345678901234"), name);

  SegmentName loading = name;
  loading.loading = true;
  EXPECT_EQ(parse_segment_name("onecopy:team-a:qa0:3:12345678901234.loading"), loading);
}

TEST(Names, ModelNamesMayHaveDots) {
  const SegmentName name{"a.b", "x.loading", 1, 2, false};
  EXPECT_EQ(parse_segment_name(format_segment_name(name)), name);
}

TEST(Names, OthersAreNotParsed) {
  for (const char* text :
       {"", "onecopy:", "onecopy:a:lock", "onecopy:a:b:1", "onecopy:a:b:1:", "onecopy:a:b:1:2:3",
        "onecopy:a:b:01:2", "onecopy:a:b:1:+2", "onecopy:a:b:-1:2", "onecopy:a:b:4294967296:2",
        "onecopy:a:b:1:18446744073709551616", "onecopy::b:1:2", "onecopy:a::1:2",
        "onecopy:a/b:c:1:2", "onecopy:a:b c:1:2", "other:a:b:1:2", "onecopy:a:b:1:2.loadin",
        "onecopy:a:b:1:2 "}) {
    EXPECT_EQ(parse_segment_name(text), std::nullopt) << text;
  }
}

TEST(Names, Validity) {
  EXPECT_TRUE(is_valid_name("qa-0_A.9"));
  EXPECT_TRUE(is_valid_name(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_name(std::string(65, 'a')));
  EXPECT_FALSE(is_valid_name(""));
  EXPECT_FALSE(is_valid_name("a:b"));
  EXPECT_FALSE(is_valid_name("a/b"));
  EXPECT_FALSE(is_valid_name("\xc3\xa9"));
}

TEST(Names, ListsWhatIsThere) {
  const std::string instance = "names-test-" + std::to_string(::getpid());
  const std::string segment = format_segment_name({instance, "m", 1, 1, false});
  const std::string loading = format_segment_name({instance, "m", 1, 2, true});
  for (const std::string& name : {segment, loading}) std::ofstream(shared_memory_path(name)) << "x";

  EXPECT_THAT(list_segments(instance), ElementsAre(segment, loading));
  EXPECT_THAT(list_segments(), Contains(segment));
  EXPECT_THAT(list_segments("another-" + instance), ElementsAre());
  EXPECT_THAT(list_instances(), Contains(instance));

  for (const std::string& name : {segment, loading})
    std::filesystem::remove(shared_memory_path(name));
  EXPECT_THAT(list_segments(instance), ElementsAre());
}

}  // namespace
}  // namespace onecopy
