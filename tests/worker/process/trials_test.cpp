// Trials, from a host's side.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>

#include "shared/base/limits.h"
#include "shared/base/memory_file.h"
#include "shared/base/small_file.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_file.h"
#include "tests/worker/process/nursery_fixture.h"

namespace onecopy::worker {
namespace {

using host::golden_model;
using host::PrecisionChoice;
using testing::HasSubstr;

class TrialsTest : public NurseryTest {
 protected:
  void SetUp() override { start(); }
  std::string publish_as(PrecisionChoice precision) {
    const auto model = load(golden_model("tiny-bert-qa"), precision);
    EXPECT_TRUE(model) << model.error().text;
    return model->segment->name();
  }
  void expect_error(const Json& done, ErrorCode code, const std::string& part) {
    EXPECT_EQ(done["code"], static_cast<unsigned>(code)) << done;
    EXPECT_THAT(done["error"].get<std::string>(), HasSubstr(part));
  }
};

TEST_F(TrialsTest, AGoodModelPasses) {
  const std::string segment = publish();
  const Json done = host_->try_out(4, {segment}, {{"candidate", segment}});
  EXPECT_EQ(done, (Json{{"type", "trial_done"}, {"id", 4}}));
}

TEST_F(TrialsTest, WithAReferenceItSaysHowFarItIs) {
  const std::string exact = publish_as(PrecisionChoice::kF32);
  const std::string rounded = publish_as(PrecisionChoice::kBf16);
  const Json same = host_->try_out(1, {exact}, {{"candidate", exact}, {"reference", exact}});
  EXPECT_EQ(same["precision_error"], 0);
  const Json other =
      host_->try_out(2, {exact, rounded}, {{"candidate", rounded}, {"reference", exact}});
  ASSERT_TRUE(other.contains("precision_error")) << other;
  EXPECT_GT(other["precision_error"], 0);
  EXPECT_LE(other["precision_error"], limits::kAutoError);
}

TEST_F(TrialsTest, SeveralRunAtOnceAndEachIsAnswered) {
  const std::string segment = publish();
  for (std::uint64_t id = 1; id <= 3; ++id) host_->send_trial_files(id, {segment});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    host_->send({{"type", "trial"}, {"id", id}, {"candidate", segment}});
  }
  std::vector<std::uint64_t> answered;
  for (int i = 0; i < 3; ++i) {
    const Json done = host_->next("trial_done").body;
    EXPECT_FALSE(done.contains("error")) << done;
    answered.push_back(done["id"]);
  }
  EXPECT_THAT(answered, testing::UnorderedElementsAre(1U, 2U, 3U));
}

// Structure and lengths are right, one weight is not what was written.
TEST_F(TrialsTest, ACorruptTensorIsFound) {
  const std::string segment = publish();
  auto bytes = read_small_file(shared_memory_path(segment)).value();
  bytes[bytes.size() / 2] ^= 1;
  const UniqueFd file = make_memory_file("test", bytes).value();
  host_->send({{"type", "trial_file"}, {"id", 1}, {"name", segment}}, file.get());
  host_->send({{"type", "trial"}, {"id", 1}, {"candidate", segment}});
  expect_error(host_->next("trial_done").body, ErrorCode::kCorrupt, segment);
}

TEST_F(TrialsTest, AnswersThatAreNotFiniteAreFound) {
  host::TestFolder folder;
  folder.copy(golden_model("tiny-bert-qa"));
  rewrite_weights(folder, [](std::vector<host::MadeTensor>& tensors) {
    const std::string name = "bert.encoder.layer.1.attention.self.key.weight";
    std::ranges::find(tensors, name, &host::MadeTensor::name)->values[77] = HUGE_VALF;
  });
  const auto model = load(folder.path());
  ASSERT_TRUE(model) << model.error().text;
  const std::string segment = model->segment->name();
  expect_error(host_->try_out(1, {segment}, {{"candidate", segment}}), ErrorCode::kCorrupt,
               "finite");
}

TEST_F(TrialsTest, AFileThatDidNotComeIsNamed) {
  const std::string segment = publish();
  expect_error(host_->try_out(1, {}, {{"candidate", segment}}), ErrorCode::kNotFound, segment);
  expect_error(
      host_->try_out(2, {segment}, {{"candidate", segment}, {"reference", "onecopy:i:m:1:1"}}),
      ErrorCode::kNotFound, "onecopy:i:m:1:1");
  expect_error(host_->try_out(3, {segment}, Json::object()), ErrorCode::kCorrupt, "candidate");
}

// Killed from outside, as a crash would. It may be done before that: then the next one is tried.
TEST_F(TrialsTest, AProcessThatCrashesIsReported) {
  const std::string segment = publish();
  const std::string children = fmt::format("/proc/{0}/task/{0}/children", nursery_->pid());
  for (std::uint64_t id = 1; id <= 200; ++id) {
    host_->send_trial_files(id, {segment});
    host_->send({{"type", "trial"}, {"id", id}, {"candidate", segment}});
    pid_t child = 0;
    while (child == 0 && !host_->has_message())
      child = std::atoi(read_kernel_file(children).c_str());
    if (child != 0) ::kill(child, SIGKILL);
    const Json done = host_->next("trial_done").body;
    if (!done.contains("error")) continue;
    return expect_error(done, ErrorCode::kInternal, "killed by signal 9");
  }
  FAIL() << "no trial was hit";
}

TEST_F(TrialsTest, AHostIsToldOfItsOwnTrialsOnly) {
  const std::string segment = publish();
  for (std::uint64_t id = 1; id <= 3; ++id) host_->send_trial_files(id, {segment});
  for (std::uint64_t id = 1; id <= 3; ++id) {
    host_->send({{"type", "trial"}, {"id", id}, {"candidate", segment}});
  }
  host_->send({{"type", "trial_cancel"}, {"id", 1}});
  const TestHost next(instance_);  // the answers of 2 and 3 are not this one's
  next.send({{"type", "ping"}, {"n", 1}});
  EXPECT_EQ(next.next().type, "pong");
  EXPECT_FALSE(next.try_out(2, {segment}, {{"candidate", segment}}).contains("error"));
}

}  // namespace
}  // namespace onecopy::worker
