#include "tools/cli/inspect_command.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <map>

#include "shared/base/unique_fd.h"
#include "tests/host/publish/loaded_model.h"
#include "tools/cli/inspect_report.h"
#include "tools/cli/process_maps.h"

namespace onecopy::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStdout;

TEST(ProcessMaps, LinesOfSegments) {
  bool gone = false;
  EXPECT_EQ(segment_of_map_line("7f0-7f1 r--s 00000000 00:1a 7   /dev/shm/onecopy:a:m:1:2", gone),
            "onecopy:a:m:1:2");
  EXPECT_FALSE(gone);
  EXPECT_EQ(segment_of_map_line("7f0-7f1 r--s 0 00:1a 7 /dev/shm/onecopy:a:m:1:2 (deleted)", gone),
            "onecopy:a:m:1:2");
  EXPECT_TRUE(gone);
  EXPECT_EQ(segment_of_map_line("7f0-7f1 r--s 0 00:1a 7 /dev/shm/onecopy:a:lock", gone),
            std::nullopt);
  EXPECT_EQ(segment_of_map_line("7f0-7f1 r-xp 0 00:1a 7 /usr/lib/libc.so.6", gone), std::nullopt);
  EXPECT_EQ(segment_of_map_line("7f0-7f1 rw-p 0 00:00 0", gone), std::nullopt);
}

class InspectTest : public host::LoaderTest {
 protected:
  struct Output {
    int code;
    std::string text;
  };
  Output run(bool json) const {
    CaptureStdout();
    const int code = run_inspect(instance_, json);
    return {code, GetCapturedStdout()};
  }
};

// A child that maps a segment until it is destroyed.
class Mapper {
 public:
  explicit Mapper(const std::string& segment) {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe(ready.data()), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const auto mapped = Segment::open(segment, Segment::Check::kStructure);
      const char done = mapped ? 'y' : 'n';
      (void)!::write(ready[1], &done, 1);
      ::pause();
      ::_exit(0);
    }
    char done = 'n';
    EXPECT_EQ(::read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Mapper() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;
  pid_t pid() const { return child_; }

 private:
  pid_t child_ = -1;
};

TEST_F(InspectTest, ModelsTensorsAndWhoMapsThem) {
  const auto first = load(host::golden_model("tiny-bert-qa"));
  const auto second = load(host::golden_model("tiny-bert-qa"));
  ASSERT_TRUE(first && second);
  const Mapper mapper(second->segment->name());

  const Output output = run(true);
  EXPECT_EQ(output.code, 0);
  const Json json = Json::parse(output.text);
  EXPECT_EQ(json["intact"], true);
  EXPECT_EQ(json["bytes"], first->bytes_own + second->bytes_own);
  ASSERT_EQ(json["segments"].size(), 2U);
  EXPECT_EQ(json["segments"][1]["borrowed_bytes"], 1'295'624U);
  EXPECT_EQ(json["segments"][1]["dependencies"], Json({first->segment->name()}));
  EXPECT_EQ(json["segments"][0]["tensor_count"], 55);
  EXPECT_EQ(json["segments"][0]["tensors"].size(), 55U);
  // The borrowed segment is mapped with the borrower.
  EXPECT_EQ(json["segments"][0]["processes"], Json({mapper.pid()}));
  EXPECT_EQ(json["processes"][0]["segments"],
            Json({first->segment->name(), second->segment->name()}));
  EXPECT_GT(json["processes"][0]["private_bytes"], 0);
  EXPECT_GE(json["processes"][0]["pss_bytes"], json["processes"][0]["private_bytes"]);
}

TEST_F(InspectTest, PrecisionAndTypes) {
  const auto model = load(host::golden_model("tiny-bert-qa"), host::PrecisionChoice::kInt8);
  ASSERT_TRUE(model);
  const Json segment = Json::parse(run(true).text)["segments"][0];
  EXPECT_EQ(segment["precision"], "int8");
  std::map<std::string, Json> types;
  for (const Json& tensor : segment["tensors"]) types[tensor["name"]] = tensor["dtype"];
  EXPECT_EQ(types["embeddings.word"], "bf16");
  EXPECT_EQ(types["layer.1.query.weight"], "s8");
  EXPECT_EQ(types["layer.1.query.bias"], "f32");
  const std::string text = run(false).text;
  EXPECT_THAT(text, HasSubstr(" int8 "));
  EXPECT_THAT(text, HasSubstr(" 1 bf16, 36 f32, 18 s8 "));
}

TEST_F(InspectTest, TableForPeople) {
  const auto model = load(host::golden_model("tiny-bert-qa"));
  ASSERT_TRUE(model);
  const Mapper mapper(model->segment->name());
  const Output output = run(false);
  EXPECT_EQ(output.code, 0);
  for (const std::string& part :
       {instance_, std::string("question-answering"), std::string("1 process "),
        std::string("one copy of the weights: 1.4 MB, mapped by 1 process\n"),
        std::to_string(mapper.pid())}) {
    EXPECT_THAT(output.text, HasSubstr(part));
  }
}

TEST_F(InspectTest, DamageIsReported) {
  const auto model = load(host::golden_model("tiny-bert-qa"));
  ASSERT_TRUE(model);
  const std::string path = shared_memory_path(model->segment->name());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out).seekp(1'000'000).put('!');
  const Output output = run(false);
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.text, HasSubstr("DAMAGED: "));
  EXPECT_EQ(Json::parse(run(true).text)["intact"], false);
}

TEST_F(InspectTest, NothingThere) {
  const Output output = run(false);
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.text, HasSubstr("onecopy serve --model NAME=DIR"));
  EXPECT_EQ(Json::parse(run(true).text)["segments"], Json::array());
}

}  // namespace
}  // namespace onecopy::tools
