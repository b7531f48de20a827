// Equal tensors are stored once, within a model and across models, and nothing else is.
#include <gmock/gmock.h>

#include <thread>

#include "shared/segment/segment_writer.h"
#include "tests/host/publish/loaded_model.h"

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A copy of tiny-bert-qa whose bytes a test can change.
class SharingTest : public LoaderTest {
 protected:
  SharingTest() { folder_.copy(golden_model("tiny-bert-qa")); }

  // Overwrites floats of a tensor in the file, beginning with the one of this index.
  void overwrite(const std::string& tensor, std::size_t index, const std::vector<float>& values) {
    std::string bytes = folder_.read("model.safetensors");
    const auto file = SafetensorsFile::open(folder_.path() / "model.safetensors");
    std::memcpy(bytes.data() + file->find(tensor)->offset + index * sizeof(float), values.data(),
                values.size() * sizeof(float));
    folder_.write("model.safetensors", bytes);
  }
  static std::string query(int layer) {
    return "bert.encoder.layer." + std::to_string(layer) + ".attention.self.query.weight";
  }
  static const float* bytes_of(const Segment& segment, std::string_view name) {
    for (const Segment::Entry& entry : segment.entries()) {
      if (entry.name == name) return entry.view.floats().data();
    }
    return nullptr;
  }

  TestFolder folder_;
};

TEST_F(SharingTest, TheSameModelTwiceIsStoredOnce) {
  const auto first = load(folder_.path());
  const auto second = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes_borrowed, 0U);
  EXPECT_EQ(second->bytes_borrowed, 1'295'624U);
  EXPECT_LT(second->bytes_own, first->bytes_own - 1'295'624U + 1000);
  EXPECT_THAT(open(*second).dependencies(), ElementsAre(first->segment->name()));
  EXPECT_EQ(unpack(open(*second), "layer.2.ffn_in.weight"),
            unpack(open(*first), "layer.2.ffn_in.weight"));
}

TEST_F(SharingTest, OneChangedElementIsNotShared) {
  const auto first = load(golden_model("tiny-bert-qa"));
  overwrite(query(1), 1234, {42.0F});  // between the places that the fingerprint samples, or not
  const auto second = load(folder_.path());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->bytes_borrowed, 1'295'624U - std::size_t{64} * 64 * 4);
  EXPECT_EQ(unpack(open(*second), "layer.1.query.weight")[1234], 42.0F);
  EXPECT_NE(unpack(open(*first), "layer.1.query.weight")[1234], 42.0F);
}

TEST_F(SharingTest, EveryElementCounts) {
  const auto first = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(first);
  const std::vector<float> original = unpack(open(*first), "layer.1.query.weight");
  for (const std::size_t index : {0UL, 15UL, 16UL, 100UL, 2047UL, 2048UL, 4079UL, 4080UL, 4095UL}) {
    overwrite(query(1), index, {7.5F});
    const auto model = load(folder_.path());
    ASSERT_TRUE(model);
    EXPECT_EQ(unpack(open(*model), "layer.1.query.weight")[index], 7.5F) << index;
    overwrite(query(1), index, {original[index]});
  }
}

TEST_F(SharingTest, EqualTensorsOfOneModel) {
  overwrite(query(0), 0, std::vector<float>(std::size_t{64} * 64, 0.5F));
  overwrite(query(1), 0, std::vector<float>(std::size_t{64} * 64, 0.5F));
  overwrite(query(2), 0, std::vector<float>(std::size_t{64} * 64, 0.5F));
  overwrite(query(2), 777, {0.25F});
  const auto usual = load(golden_model("tiny-bert-qa"));
  const auto model = load(folder_.path());
  ASSERT_TRUE(usual && model);
  const Segment segment = open(*model);
  EXPECT_EQ(bytes_of(segment, "layer.0.query.weight"), bytes_of(segment, "layer.1.query.weight"));
  EXPECT_NE(bytes_of(segment, "layer.0.query.weight"), bytes_of(segment, "layer.2.query.weight"));
  EXPECT_EQ(unpack(segment, "layer.2.query.weight")[777], 0.25F);
}

TEST_F(SharingTest, TransposedOrReshapedTensorsAreNotEqual) {
  overwrite("bert.encoder.layer.0.intermediate.dense.weight", 0,
            std::vector<float>(std::size_t{64} * 256, 0.5F));
  overwrite("bert.encoder.layer.0.output.dense.weight", 0,
            std::vector<float>(std::size_t{64} * 256, 0.5F));
  const auto model = load(folder_.path());
  ASSERT_TRUE(model);
  EXPECT_NE(bytes_of(open(*model), "layer.0.ffn_in.weight"),
            bytes_of(open(*model), "layer.0.ffn_out.weight"));
}

TEST_F(SharingTest, HalfPrecisionFileSharesWithItsF32Twin) {
  TestFolder twin;
  twin.copy(golden_model("tiny-bert-cls-bf16"));
  rewrite_weights(twin, [](auto&) {});
  const auto bf16 = load(golden_model("tiny-bert-cls-bf16"));
  const auto f32 = load(twin.path());
  ASSERT_TRUE(bf16 && f32);
  std::uint64_t tensors = 0;
  const Segment segment = open(*bf16);
  for (const Segment::Entry& entry : segment.entries()) tensors += entry.view.bytes.size();
  EXPECT_EQ(f32->bytes_borrowed, tensors);
}

TEST_F(SharingTest, NamesLiveAsLongAsTheyAreNeeded) {
  {
    auto first = load(golden_model("tiny-bert-qa"));
    auto second = load(golden_model("tiny-bert-qa-sharded"));
    ASSERT_TRUE(first && second);
    models_.clear();
    const std::string first_name = first->segment->name();
    first->segment.reset();
    EXPECT_THAT(list_segments(instance_), SizeIs(2));
    EXPECT_TRUE(Segment::open(second->segment->name(), Segment::Check::kContents));
    second->segment.reset();
    EXPECT_THAT(list_segments(instance_), IsEmpty());
  }
  const auto third = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->bytes_borrowed, 0U);  // what is gone is not borrowed from
}

TEST_F(SharingTest, BorrowedTensorsAreBorrowedFromTheirHolder) {
  const auto first = load(golden_model("tiny-bert-qa"));
  const auto second = load(golden_model("tiny-bert-qa"));
  const auto third = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(first && second && third);
  EXPECT_THAT(open(*third).dependencies(), ElementsAre(first->segment->name()));
}

TEST_F(SharingTest, AFewEqualBytesAreNotWorthKeepingAnotherModel) {
  const auto bert = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(bert);
  // Everything changes but the norms and biases.
  const auto file = SafetensorsFile::open(folder_.path() / "model.safetensors");
  for (const auto& [name, tensor] : file->tensors()) {
    if (tensor.shape.size() == 2)
      overwrite(name, 0, std::vector<float>(tensor.bytes / 4, static_cast<float>(tensor.offset)));
  }
  const auto other = load(folder_.path());
  ASSERT_TRUE(other);
  EXPECT_EQ(other->bytes_borrowed, 0U);
  EXPECT_THAT(open(*other).dependencies(), IsEmpty());
}

TEST_F(SharingTest, ModelsLoadAtTheSameTime) {
  std::vector<std::jthread> threads;
  std::vector<Result<LoadedModel>> models(4, fail(ErrorCode::kInternal, "not loaded"));
  for (std::size_t i = 0; i < models.size(); ++i) {
    threads.emplace_back([&, i] {
      models[i] = load_model({"m", golden_model("tiny-bert-qa"), 1, std::nullopt}, instance_,
                             100 + i, catalogue_);
    });
  }
  threads.clear();
  for (const auto& model : models) {
    ASSERT_TRUE(model) << model.error().text;
    EXPECT_TRUE(Segment::open(model->segment->name(), Segment::Check::kContents));
  }
}

}  // namespace
}  // namespace onecopy::host
