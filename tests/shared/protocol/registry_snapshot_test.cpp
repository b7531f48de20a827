#include "shared/protocol/registry_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "shared/base/json.h"

namespace onecopy {
namespace {

using ::testing::HasSubstr;

ModelEntry model(std::uint32_t version, const std::string& segment) {
  ModelEntry entry;
  entry.name = "qa0";
  entry.version = version;
  entry.segment = segment;
  entry.folder = "/models/qa0";
  entry.requested_precision = "auto";
  entry.precision = "int8";
  entry.origin = "config";
  entry.stamp = "12-34";
  entry.bytes_own = 100;
  entry.bytes_borrowed = 7;
  entry.load_seconds = 0.25;
  entry.loaded_at = 1'700'000'000;
  return entry;
}

RegistrySnapshot two_versions() {
  RegistrySnapshot snapshot;
  snapshot.revision = 17;
  snapshot.next_generation = 42;
  snapshot.workers = {4, 2, 8};
  snapshot.back_ends = "f32=highway bf16=amx";
  snapshot.segments = {{"onecopy:i:qa0:1:1", 100}, {"onecopy:i:qa0:2:2", 200}};
  snapshot.models = {model(1, "onecopy:i:qa0:1:1"), model(2, "onecopy:i:qa0:2:2")};
  snapshot.models[1].precision_error = 0.0125;
  snapshot.defaults = {{"qa0", 1}};
  snapshot.traffic["qa0"] = {{{1, 95}, {2, 5}}, {{2, 10}}, "X-User"};
  return snapshot;
}

TEST(RegistrySnapshot, ComesBackAsItWent) {
  const RegistrySnapshot snapshot = two_versions();
  const auto read = snapshot_from_json(to_json_text(snapshot));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(*read, snapshot);
  EXPECT_EQ(*snapshot_from_json(to_json_text({})), RegistrySnapshot());
}

TEST(RegistrySnapshot, FindsAVersion) {
  const RegistrySnapshot snapshot = two_versions();
  ASSERT_NE(snapshot.find("qa0", 2), nullptr);
  EXPECT_EQ(snapshot.find("qa0", 2)->segment, "onecopy:i:qa0:2:2");
  EXPECT_EQ(snapshot.find("qa0", 3), nullptr);
  EXPECT_EQ(snapshot.find("qa1", 1), nullptr);
}

std::string error_after(const std::function<void(Json&)>& change) {
  Json json = Json::parse(to_json_text(two_versions()));
  change(json);
  const auto read = snapshot_from_json(json.dump());
  return read ? "" : read.error().text;
}

TEST(RegistrySnapshot, RefusesWhatCannotBeServed) {
  EXPECT_EQ(error_after([](Json&) {}), "");
  EXPECT_THAT(error_after([](Json& j) { j.erase("revision"); }), HasSubstr("revision"));
  EXPECT_THAT(error_after([](Json& j) { j["models"] = 1; }), HasSubstr("models"));
  EXPECT_THAT(error_after([](Json& j) { j["models"][0]["version"] = 0; }), HasSubstr("version"));
  EXPECT_THAT(error_after([](Json& j) { j["models"][0]["version"] = 1ULL << 40; }),
              HasSubstr("version"));
  EXPECT_THAT(error_after([](Json& j) { j["models"][1]["version"] = 1; }), HasSubstr("twice"));
  EXPECT_THAT(error_after([](Json& j) { j["models"][0]["name"] = "a/b"; }), HasSubstr("name"));
  EXPECT_THAT(error_after([](Json& j) { j["segments"].erase(0); }), HasSubstr("no segment"));
  EXPECT_THAT(error_after([](Json& j) { j["segments"][0]["name"] = "/etc/passwd"; }),
              HasSubstr("/etc/passwd"));
  EXPECT_THAT(error_after([](Json& j) { j["defaults"]["qa0"] = 3; }), HasSubstr("default"));
  EXPECT_THAT(error_after([](Json& j) { j["defaults"] = Json::object(); }), HasSubstr("default"));
  EXPECT_THAT(error_after([](Json& j) { j["workers"]["min"] = 5; }), HasSubstr("workers"));
  EXPECT_THAT(error_after([](Json& j) { j["workers"]["max"] = 100'000; }), HasSubstr("workers"));
  EXPECT_THAT(error_after([](Json& j) {
                j["traffic"]["qa0"]["shares"] = {{"1", 50}};
              }),
              HasSubstr("50"));
  EXPECT_THAT(error_after([](Json& j) {
                j["traffic"]["qa0"]["shares"] = {{"x", 100}};
              }),
              HasSubstr("shares"));
  EXPECT_FALSE(snapshot_from_json("[]"));
  EXPECT_FALSE(snapshot_from_json("{"));
}

TEST(Traffic, SharesAddUpToAHundredAmongVersionsThatAreThere) {
  const std::vector<std::uint32_t> versions{1, 2, 3};
  EXPECT_TRUE(check_traffic({{{1, 95}, {2, 5}}, {{3, 10}}, ""}, versions));
  EXPECT_TRUE(check_traffic({{{1, 33.3}, {2, 33.3}, {3, 33.4}}, {}, ""}, versions));
  const auto error = [&](const TrafficEntry& traffic) {
    const Status status = check_traffic(traffic, versions);
    return status ? "" : status.error().text;
  };
  EXPECT_THAT(error({{{1, 95}}, {}, ""}), HasSubstr("95"));
  EXPECT_THAT(error({{}, {}, ""}), HasSubstr("shares"));
  EXPECT_THAT(error({{{1, 100}, {4, 0}}, {}, ""}), HasSubstr("version 4"));
  EXPECT_THAT(error({{{1, 110}, {2, -10}}, {}, ""}), HasSubstr("110"));
  EXPECT_THAT(error({{{1, 100}}, {{2, 101}}, ""}), HasSubstr("shadow"));
}

}  // namespace
}  // namespace onecopy
