// golden/logits.jsonl: what transformers computes with the ten tiny models, through the host's
// loader, a segment, and the encoder and heads.
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "host/model_loader.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/heads.h"

namespace onecopy::worker {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-4;  // f32 alone moves logits by up to 3.4e-5

// One row's sequences without their padding.
struct Batch {
  std::vector<std::int32_t> ids, type_ids;
  std::vector<std::uint32_t> starts{0};
};

Batch unpadded(const json& row) {
  Batch batch;
  for (std::size_t s = 0; s < row["input_ids"].size(); ++s) {
    for (std::size_t t = 0; t < row["input_ids"][s].size(); ++t) {
      if (row["attention_mask"][s][t] == 0) continue;
      batch.ids.push_back(row["input_ids"][s][t]);
      const json& types = row["token_type_ids"];
      batch.type_ids.push_back(types.is_null() ? 0 : types[s][t].get<std::int32_t>());
    }
    batch.starts.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  return batch;
}

// Each unpadded position's values of `want` ([sequences][tokens] or [sequences][tokens][width]).
void expect_tokens(const json& want, const Batch& batch, std::span<const float> got) {
  std::size_t i = 0;
  for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
    for (std::size_t t = 0; t < batch.starts[s + 1] - batch.starts[s]; ++t) {
      const json& value = want[s][t];
      for (const json& v : value.is_array() ? value : json::array({value})) {
        ASSERT_LT(i, got.size());
        ASSERT_NEAR(got[i], v.get<double>(), kTolerance) << "sequence " << s << " token " << t;
        ++i;
      }
    }
  }
  EXPECT_EQ(i, got.size());
}

void expect_sequences(const json& want, std::span<const float> got) {
  std::size_t i = 0;
  for (const json& sequence : want) {
    for (const json& v : sequence) {
      ASSERT_LT(i, got.size());
      ASSERT_NEAR(got[i++], v.get<double>(), kTolerance);
    }
  }
  EXPECT_EQ(i, got.size());
}

class Golden : public testing::Test {
 protected:
  const Model* model(const std::string& name) {
    auto& held = models_[name];
    if (held) return held.get();
    const auto folder = std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden/models" / name;
    auto loaded =
        host::load_model({.name = name, .folder = folder, .version = 1, .adapter = {}},
                         "test-golden-" + std::to_string(getpid()), ++generation_, catalogue_);
    if (!loaded) {
      ADD_FAILURE() << loaded.error().text;
      return nullptr;
    }
    auto segment = Segment::open(loaded->segment->name(), Segment::Check::kContents);
    published_.push_back(loaded->segment);
    if (!segment) {
      ADD_FAILURE() << segment.error().text;
      return nullptr;
    }
    auto bound = Model::bind(std::move(*segment));
    if (bound) held = std::move(*bound);
    if (!bound) ADD_FAILURE() << bound.error().text;
    return held.get();
  }

  host::TensorCatalogue catalogue_;
  std::vector<std::shared_ptr<const host::PublishedSegment>> published_;
  std::map<std::string, std::unique_ptr<Model>> models_;
  std::uint64_t generation_ = 0;
};

void check_row(const json& row, const Model& model, Workspace& workspace) {
  const Batch batch = unpadded(row);
  const auto hidden =
      encode(model, {batch.ids, batch.type_ids, batch.starts}, workspace, rows_read(model.info()));
  ASSERT_TRUE(hidden) << hidden.error().text;
  if (row.contains("start_logits")) {
    const auto logits = qa_logits(model, *hidden);
    ASSERT_TRUE(logits) << logits.error().text;
    expect_tokens(row["start_logits"], batch, logits->start);
    expect_tokens(row["end_logits"], batch, logits->end);
  } else if (row.contains("logits")) {
    const auto logits = classification_logits(model, *hidden, workspace);
    ASSERT_TRUE(logits) << logits.error().text;
    expect_sequences(row["logits"], *logits);
  } else {
    expect_tokens(row["last_hidden_state"], batch, *hidden);
    expect_sequences(row["mean"], pool(*hidden, batch.starts, Pooling::kMean, false));
  }
}

TEST_F(Golden, LogitsOfAllRows) {
  std::ifstream file(std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden/logits.jsonl");
  Workspace workspace(2);
  std::size_t rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    SCOPED_TRACE(testing::Message() << "row " << rows << ", " << row["model"]);
    const Model* bound = model(row["model"]);
    ASSERT_NE(bound, nullptr);
    check_row(row, *bound, workspace);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(rows, 200U);
  EXPECT_EQ(models_.size(), 10U);
}

}  // namespace
}  // namespace onecopy::worker
