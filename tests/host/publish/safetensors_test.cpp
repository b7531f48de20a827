#include "host/publish/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>

#include "shared/base/limits.h"
#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  // Expects that the file is refused, with this in the message beside its name.
  void expect_refused(std::string_view file, const std::string& why) {
    const auto path = folder_.write("x.safetensors", file);
    const auto opened = SafetensorsFile::open(path);
    ASSERT_FALSE(opened) << why;
    EXPECT_THAT(opened.error().text, AllOf(HasSubstr(path.string()), HasSubstr(why)));
    EXPECT_LT(opened.error().text.size(), 1000U);
    EXPECT_EQ(opened.error().text.find('\n'), std::string::npos);
  }
  void expect_refused(std::string_view header, std::size_t data_bytes, const std::string& why) {
    expect_refused(safetensors(header, data_bytes), why);
  }

  TestFolder folder_;
};

TEST_F(SafetensorsTest, ReadsNamesTypesShapesAndBytes) {
  const auto path = folder_.write(
      "x.safetensors",
      safetensors({{"a.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {}, {7}}, {"c", {0}, {}}}));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(file->tensors().size(), 3U);
  const SourceTensor* a = file->find("a.weight");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->type, SourceType::kF32);
  EXPECT_EQ(a->shape_text(), "[2, 3]");
  std::array<float, 6> values{};
  ASSERT_TRUE(file->read(a->offset, std::as_writable_bytes(std::span(values))));
  EXPECT_EQ(values[5], 6.0F);
  EXPECT_EQ(file->find("c")->bytes, 0U);
  EXPECT_EQ(file->find("d"), nullptr);
}

TEST_F(SafetensorsTest, OtherTypesAreReadButMarked) {
  const auto path = folder_.write(
      "x.safetensors",
      safetensors(
          R"({"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}})",
          16));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(file->find("ids")->type, SourceType::kOther);
  EXPECT_EQ(file->find("__metadata__"), nullptr);
}

TEST_F(SafetensorsTest, TruncatedFiles) {
  const std::string good = safetensors({{"a", {8}, std::vector<float>(8, 1.0F)}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto path = folder_.write("x.safetensors", std::string_view(good).substr(0, size));
    EXPECT_FALSE(SafetensorsFile::open(path)) << size;
  }
  expect_refused("1234567", "too few");
  expect_refused(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "truncated");
  expect_refused(safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 0),
                 "not within");
}

TEST_F(SafetensorsTest, OversizedHeader) {
  std::string header = "{}";
  header.resize(limits::kSafetensorsHeaderBytes + 1, ' ');
  expect_refused(header, 0, "more than 16777216");
}

TEST_F(SafetensorsTest, HeaderThatIsNoObject) {
  expect_refused("", 0, "invalid JSON");
  expect_refused("[]", 0, "not a JSON object");
  expect_refused("{", 0, "invalid JSON");
  expect_refused("{\"a\xff\": 1}", 0, "invalid JSON");
  expect_refused(R"({"a":{"b":{"c":{"d":{"e":{}}}}}})", 0, "nested");
  expect_refused(R"({"a":1})", 0, "not an object");
  expect_refused(R"({"__metadata__":{"a":1}})", 0, "__metadata__");
}

TEST_F(SafetensorsTest, DuplicateKeys) {
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                 R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                 8, "twice");
  expect_refused(R"({"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4,
                 "twice");
}

TEST_F(SafetensorsTest, LyingOffsets) {
  const auto header = [](const std::string& offsets) {
    return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + offsets + "}}";
  };
  expect_refused(header("[0,9]"), 8, "not within");
  expect_refused(header("[8,0]"), 8, "not within");
  expect_refused(header("[0]"), 8, "not within");
  expect_refused(header("[0,4,8]"), 8, "data_offsets");
  expect_refused(header("[-1,8]"), 8, "data_offsets");
  expect_refused(header("[0,8.0]"), 8, "data_offsets");
  expect_refused(header("[0,18446744073709551616]"), 8, "data_offsets");
  expect_refused(header("[0,18446744073709551615]"), 8, "not within");
  expect_refused(header("[0,4]"), 4, "takes 8 bytes");
  expect_refused(header("null"), 8, "data_offsets");
  expect_refused(R"({"a":{"dtype":"F32","shape":[2]}})", 8, "data_offsets");
}

TEST_F(SafetensorsTest, HolesOverlapsAndRest) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_TRUE(SafetensorsFile::open(folder_.write("x", safetensors(two("[4,8]", "[0,4]"), 8))));
  expect_refused(two("[0,4]", "[5,9]"), 9, "hole or an overlap");
  expect_refused(two("[0,4]", "[2,6]"), 6, "hole or an overlap");
  expect_refused(two("[0,4]", "[0,4]"), 4, "hole or an overlap");
  expect_refused(two("[1,5]", "[5,9]"), 9, "hole or an overlap");
  expect_refused(two("[0,4]", "[4,8]"), 9, "belong to no tensor");
  expect_refused("{}", 1, "belong to no tensor");
}

TEST_F(SafetensorsTest, SizesThatOverflow) {
  const auto header = [](const std::string& shape) {
    return R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,4]}})";
  };
  expect_refused(header("[4294967296,4294967296]"), 4, "too large");
  expect_refused(header("[4611686018427387905]"), 4, "too large");  // x 4 = 2^64 + 4
  expect_refused(header("[18446744073709551615,2]"), 4, "too large");
  expect_refused(header("[1,1,1,1,1,1,1,1,1]"), 4, "at most 8");
  expect_refused(header("[-1]"), 4, "shape has -1");
  expect_refused(header("[\"1\"]"), 4, "shape has");
  expect_refused(header("1"), 4, "shape");
}

TEST_F(SafetensorsTest, UnknownTypes) {
  expect_refused(R"({"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}})", 4,
                 "unknown dtype \"Q4\"");
  expect_refused(R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4, "no dtype");
  expect_refused(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "no dtype");
  expect_refused(
      R"({"a":{"dtype":")" + std::string(100'000, 'x') + R"(","shape":[1],"data_offsets":[0,4]}})",
      4, "unknown dtype");
}

TEST_F(SafetensorsTest, NamesThatWouldSpoilAMessage) {
  for (const std::string& name : {std::string(), std::string("a\\nb"), std::string("a b"),
                                  std::string("\\u00e9"), std::string(513, 'a')}) {
    expect_refused(
        fmt::format(R"({{"{}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}})", name), 1,
        "visible ASCII");
  }
}

TEST_F(SafetensorsTest, TooManyTensors) {
  Json header = Json::object();
  for (std::size_t i = 0; i <= limits::kTensorsPerFile + 1; ++i) {
    header[std::to_string(i)] = {{"dtype", "U8"}, {"shape", {0}}, {"data_offsets", {0, 0}}};
  }
  expect_refused(header.dump(), 0, "more than 10000");
}

TEST_F(SafetensorsTest, WhatIsNoFile) {
  EXPECT_EQ(SafetensorsFile::open(folder_.path() / "none").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(SafetensorsFile::open(folder_.path()));
  const auto pipe = folder_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(SafetensorsFile::open(pipe).error().text,
              HasSubstr("not a file"));  // and doesn't wait for a writer
}

TEST_F(SafetensorsTest, FileCutWhileOpenIsAnError) {
  const auto path =
      folder_.write("x.safetensors", safetensors({{"a", {4096}, std::vector<float>(4096, 1.0F)}}));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path, 1000);
  std::vector<std::byte> bytes(16384);
  const Status status = file->read(file->find("a")->offset, bytes);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text, HasSubstr("became shorter"));
}

}  // namespace
}  // namespace onecopy::host
