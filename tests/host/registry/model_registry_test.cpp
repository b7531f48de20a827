#include "host/registry/model_registry.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shared/base/limits.h"
#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ModelRegistryTest : public testing::Test {
 protected:
  static std::string instance() { return "registrytest-" + std::to_string(::getpid()); }

  // A file in /dev/shm that goes by a segment's name.
  HeldSegment::Pointer segment(const std::string& model, std::uint32_t version,
                               std::vector<HeldSegment::Pointer> lenders = {}) {
    const std::string name = format_segment_name(
        {instance(), model, version, registry_.take_generation(instance()), false});
    const std::string path = shared_memory_path(name);
    std::ofstream(path) << "bytes";
    return std::make_shared<const HeldSegment>(
        name, UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), std::move(lenders));
  }
  static ModelEntry entry(const std::string& name, std::uint32_t version) {
    ModelEntry entry;
    entry.name = name;
    entry.version = version;
    return entry;
  }
  void put(const std::string& name, std::uint32_t version,
           std::vector<HeldSegment::Pointer> lenders = {}) {
    registry_.put(entry(name, version), segment(name, version, std::move(lenders)));
  }
  static std::vector<std::string> names() { return list_segments(instance()); }
  // What gateway and nursery would make of it.
  void expect_sound() {
    const auto read = snapshot_from_json(to_json_text(registry_.snapshot()));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, registry_.snapshot());
  }

  ModelRegistry registry_;
};

TEST_F(ModelRegistryTest, TheFirstVersionIsTheDefaultAndEveryChangeIsARevision) {
  put("qa", 3);
  const auto revision = registry_.snapshot().revision;
  put("qa", 1);
  EXPECT_GT(registry_.snapshot().revision, revision);
  EXPECT_EQ(registry_.snapshot().defaults.at("qa"), 3U);
  EXPECT_THAT(registry_.versions_of("qa"), ElementsAre(1, 3));
  expect_sound();
}

TEST_F(ModelRegistryTest, RefusesWhatCannotBeAdded) {
  put("qa", 1);
  EXPECT_EQ(registry_.check_new("qa", 1).error().status, Refused::kConflict);
  EXPECT_EQ(registry_.check_new("qa", 0).error().status, Refused::kBadRequest);
  EXPECT_EQ(registry_.check_new("qa", limits::kModelVersion + 1).error().status,
            Refused::kBadRequest);
  EXPECT_EQ(registry_.check_new("q/a", 1).error().status, Refused::kBadRequest);
  EXPECT_TRUE(registry_.check_new("qa", 2));
}

TEST_F(ModelRegistryTest, NoMoreThanItsModels) {
  RegistrySnapshot full;
  full.models.resize(limits::kModels);
  std::vector<HeldSegment::Pointer> one{segment("m", 1)};
  for (std::size_t i = 0; i < full.models.size(); ++i) {
    full.models[i].name = "m";
    full.models[i].version = static_cast<std::uint32_t>(i + 1);
    full.models[i].segment = one[0]->name();
  }
  full.defaults["m"] = 1;
  EXPECT_THAT(registry_.adopt(full, one), IsEmpty());
  EXPECT_EQ(registry_.check_new("other", 1).error().status, Refused::kConflict);
  expect_sound();
}

TEST_F(ModelRegistryTest, TheDefaultStaysWhileThereAreOthers) {
  put("qa", 1);
  put("qa", 2);
  EXPECT_EQ(registry_.remove("qa", 1).error().status, Refused::kForbidden);
  ASSERT_TRUE(registry_.set_default("qa", 2));
  ASSERT_TRUE(registry_.remove("qa", 1));
  ASSERT_TRUE(registry_.remove("qa", 2));  // the last one takes the model with it
  EXPECT_THAT(registry_.snapshot().models, IsEmpty());
  EXPECT_THAT(registry_.snapshot().defaults, IsEmpty());
  EXPECT_THAT(names(), IsEmpty());
  expect_sound();
}

TEST_F(ModelRegistryTest, WhatIsNotThereIsNotFound) {
  put("qa", 1);
  EXPECT_EQ(registry_.remove("other", 1).error().status, Refused::kNotFound);
  EXPECT_EQ(registry_.remove("qa", 2).error().status, Refused::kNotFound);
  EXPECT_EQ(registry_.remove_all("other").error().status, Refused::kNotFound);
  EXPECT_EQ(registry_.set_default("qa", 2).error().status, Refused::kNotFound);
  EXPECT_EQ(registry_.set_traffic("other", {}).error().status, Refused::kNotFound);
}

TEST_F(ModelRegistryTest, ANameStaysWhileABorrowerNeedsIt) {
  put("base", 1);
  const auto base = registry_.segment(registry_.snapshot().models[0].segment);
  put("tuned", 1, {base});
  const std::string base_name = base->name();
  ASSERT_TRUE(registry_.remove("base", 1));
  EXPECT_EQ(registry_.snapshot().segments.size(), 2U);
  EXPECT_EQ(registry_.snapshot().segments[0].name, base_name);  // lenders first
  EXPECT_GE(registry_.segment_fd(base_name), 0);
  EXPECT_EQ(names().size(), 2U);
  expect_sound();
}

TEST_F(ModelRegistryTest, TheLastBorrowerTakesTheLenderWithIt) {
  put("base", 1);
  put("tuned", 1, {registry_.segment(registry_.snapshot().models[0].segment)});
  ASSERT_TRUE(registry_.remove("base", 1));
  ASSERT_TRUE(registry_.remove("tuned", 1));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_THAT(registry_.snapshot().segments, IsEmpty());
}

TEST_F(ModelRegistryTest, ANewGenerationTakesTheOldOnesPlace) {
  put("qa", 1);
  const std::string old = registry_.snapshot().models[0].segment;
  put("qa", 1);
  ASSERT_EQ(registry_.snapshot().models.size(), 1U);
  EXPECT_NE(registry_.snapshot().models[0].segment, old);
  EXPECT_EQ(registry_.segment_fd(old), -1);
  EXPECT_EQ(names().size(), 1U);
  expect_sound();
}

TEST_F(ModelRegistryTest, GenerationsAreNeverUsedTwice) {
  const std::string left = format_segment_name({instance(), "old", 1, 41, true});
  const std::string reference =
      format_segment_name({instance(), "old", 1, (std::uint64_t{1} << 62) + 5, false});
  for (const auto& name : {left, reference}) std::ofstream(shared_memory_path(name)) << "x";
  EXPECT_EQ(registry_.take_generation(instance()), 42U);
  for (const auto& name : {left, reference}) std::filesystem::remove(shared_memory_path(name));
  EXPECT_EQ(registry_.take_generation(instance()), 43U);
}

TEST_F(ModelRegistryTest, TrafficFollowsTheVersions) {
  put("qa", 1);
  put("qa", 2);
  put("qa", 3);
  ASSERT_TRUE(registry_.set_traffic("qa", {{{1, 90}, {2, 10}}, {{3, 5}}, "X-User"}));
  expect_sound();
  EXPECT_EQ(registry_.set_traffic("qa", {{{1, 90}}, {}, ""}).error().status, Refused::kBadRequest);
  EXPECT_EQ(registry_.set_traffic("qa", {{{9, 100}}, {}, ""}).error().status, Refused::kNotFound);
  EXPECT_EQ(registry_.snapshot().traffic.at("qa").shares.size(), 2U);  // refused: unchanged
  EXPECT_EQ(registry_.remove("qa", 2).error().status, Refused::kConflict);
  ASSERT_TRUE(registry_.remove("qa", 3));
  EXPECT_THAT(registry_.snapshot().traffic.at("qa").shadow, IsEmpty());
  ASSERT_TRUE(registry_.set_traffic("qa", {}));
  EXPECT_THAT(registry_.snapshot().traffic, IsEmpty());
  expect_sound();
}

TEST_F(ModelRegistryTest, AShadowAloneLeavesAllRequestsToTheDefault) {
  put("qa", 1);
  put("qa", 2);
  ASSERT_TRUE(registry_.set_traffic("qa", {{}, {{2, 10}}, ""}));
  EXPECT_EQ(registry_.snapshot().traffic.at("qa").shares.at(1), 100);
  expect_sound();
}

TEST_F(ModelRegistryTest, AWithdrawnDefaultLeavesTheNewestVersion) {
  put("qa", 1);
  put("qa", 2);
  registry_.withdraw("qa", 1);
  EXPECT_EQ(registry_.snapshot().defaults.at("qa"), 2U);
  expect_sound();
}

TEST_F(ModelRegistryTest, Workers) {
  EXPECT_TRUE(registry_.set_workers({2, 1, 4}));
  EXPECT_EQ(registry_.set_workers({5, 1, 4}).error().status, Refused::kBadRequest);
  EXPECT_EQ(registry_.set_workers({1, 0, 4}).error().status, Refused::kBadRequest);
  EXPECT_EQ(registry_.set_workers({1, 1, 100000}).error().status, Refused::kBadRequest);
  EXPECT_EQ(registry_.snapshot().workers, (WorkerCounts{2, 1, 4}));
}

TEST_F(ModelRegistryTest, AdoptsWhatIsThereAndNamesWhatIsNot) {
  put("qa", 1);
  put("qa", 2);
  const RegistrySnapshot before = registry_.snapshot();
  auto kept = registry_.segment(before.models[1].segment);
  ModelRegistry next;
  EXPECT_THAT(next.adopt(before, {kept}), ElementsAre("qa:1"));
  EXPECT_GT(next.snapshot().revision, before.revision);
  EXPECT_EQ(next.snapshot().defaults.at("qa"), 2U);
  EXPECT_EQ(next.take_generation(instance()), before.next_generation);
}

TEST_F(ModelRegistryTest, NamesStayForOthersIfToldSo) {
  put("qa", 1);
  registry_.leave_names();
  registry_ = {};
  ASSERT_EQ(names().size(), 1U);
  std::filesystem::remove(shared_memory_path(names()[0]));
}

}  // namespace
}  // namespace onecopy::host
