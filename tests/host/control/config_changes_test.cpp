#include "host/control/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/load/folder_stamp.h"
#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PlanChanges : public testing::Test {
 protected:
  PlanChanges() { path_ = folder_.write("config.json", "{}").parent_path(); }
  ModelSource source(const std::string& name, std::uint32_t version = 1) const {
    return {.name = name, .folder = path_, .version = version};
  }
  void serve(const ModelSource& from, const std::string& origin = "config") {
    ModelEntry entry;
    entry.name = from.name;
    entry.version = from.version;
    entry.folder = from.folder.string();
    entry.requested_precision = to_string(from.precision);
    entry.origin = origin;
    entry.stamp = folder_stamp(from.folder, from.adapter);
    served_.models.push_back(entry);
  }
  TestFolder folder_;
  std::filesystem::path path_;
  RegistrySnapshot served_;
};

TEST_F(PlanChanges, NothingWhereAllIsAsAsked) {
  serve(source("a"));
  const auto changes = plan_changes(served_, {source("a")});
  EXPECT_THAT(changes.load, IsEmpty());
  EXPECT_THAT(changes.remove, IsEmpty());
  EXPECT_THAT(changes.notes, IsEmpty());
}

TEST_F(PlanChanges, AddedAndRemovedInTheOrderAskedFor) {
  serve(source("gone"));
  const auto changes = plan_changes(served_, {source("b"), source("a")});
  ASSERT_EQ(changes.load.size(), 2U);
  EXPECT_EQ(changes.load[0].source.name, "b");
  EXPECT_FALSE(changes.load[0].replaces);
  ASSERT_EQ(changes.remove.size(), 1U);
  EXPECT_EQ(changes.remove[0].name, "gone");
}

TEST_F(PlanChanges, OtherSettingsAndOtherFilesAreChanges) {
  serve(source("a"));
  ModelSource other = source("a");
  other.precision = PrecisionChoice::kInt8;
  EXPECT_TRUE(plan_changes(served_, {other}).load.at(0).replaces);
  other = source("a");
  other.adapter = path_;
  EXPECT_TRUE(plan_changes(served_, {other}).load.at(0).replaces);
  folder_.write("config.json", "{ \"changed\": 1 }");
  EXPECT_TRUE(plan_changes(served_, {source("a")}).load.at(0).replaces);
}

TEST_F(PlanChanges, WhatWasRegisteredStays) {
  serve(source("api"), "api");
  serve(source("both"), "api");
  ModelSource both = source("both");
  both.precision = PrecisionChoice::kInt8;
  const auto changes = plan_changes(served_, {both});
  EXPECT_THAT(changes.load, IsEmpty());
  EXPECT_THAT(changes.remove, IsEmpty());
  ASSERT_EQ(changes.notes.size(), 1U);
  EXPECT_THAT(changes.notes[0], HasSubstr("both:1"));
}

TEST(NeedsRestart, NamesTheKeys) {
  ServeOptions before;
  ServeOptions after;
  EXPECT_THAT(needs_restart(before, after), IsEmpty());
  after.port = 9000;
  after.answer_cache_mb = 1;
  after.orphans_end = true;
  EXPECT_THAT(needs_restart(before, after),
              ::testing::ElementsAre(HasSubstr("port: 8080"), HasSubstr("answer-cache-mb: 64"),
                                     HasSubstr("orphans: keep")));
}

}  // namespace
}  // namespace onecopy::host
