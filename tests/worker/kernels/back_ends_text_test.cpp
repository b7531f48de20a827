// A choice of back ends that was written down is the same choice when it is read: the same
// products, so the same digits.
#include "worker/kernels/back_ends_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/worker/kernels/targets.h"
#include "worker/kernels/amx_product.h"
#include "worker/kernels/choose_back_ends.h"

namespace onecopy::worker::kernels {
namespace {

using testing::HasSubstr;

void expect_same(const BackEnds& a, const BackEnds& b) {
  EXPECT_EQ(a.f32, b.f32);
  EXPECT_EQ(a.any_shape, b.any_shape);
  EXPECT_EQ(a.bf16, b.bf16);
  EXPECT_EQ(a.int8, b.int8);
  EXPECT_EQ(a.attention, b.attention);
  EXPECT_EQ(a.bf16_speedup, b.bf16_speedup);
  EXPECT_EQ(a.int8_speedup, b.int8_speedup);
}

void expect_rebuilt(const BackEnds& back_ends) {
  const std::string text = describe(back_ends);
  SCOPED_TRACE(text);
  const auto rebuilt = back_ends_from_text(text);
  ASSERT_TRUE(rebuilt) << rebuilt.error().text;
  expect_same(back_ends, *rebuilt);
  EXPECT_EQ(describe(*rebuilt), text);
}

std::string text_of(const std::string& changed_key, const std::string& value) {
  std::string text = fmt::format("simd={}", simd_name());
  for (const auto& [key, usual] :
       {std::pair{"f32", "scalar"}, std::pair{"bf16", "widened"}, std::pair{"int8", "scalar"},
        std::pair{"attention", "i16"}, std::pair{"bf16_speedup", "1"},
        std::pair{"int8_speedup", "1.25"}}) {
    text += fmt::format(" {}={}", key, key == changed_key ? value : usual);
  }
  return text;
}

void expect_refused(const std::string& text, ErrorCode code, const std::string& why) {
  SCOPED_TRACE(text);
  const auto refused = back_ends_from_text(text);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code);
  EXPECT_THAT(refused.error().text, HasSubstr("back ends: " + why));
}

TEST(BackEndsText, WhatIsChosenIsRebuiltOnEveryInstructionSet) {
  for_each_target([] { expect_rebuilt(choose_back_ends()); });
}

// Also what a timing would not have chosen here.
TEST(BackEndsText, EveryProductOfTheMachineIsRebuilt) {
  BackEnds back_ends = choose_back_ends();
  for (const BlockProduct* const f32 : {&highway_product(), &scalar_product()}) {
    back_ends.f32 = back_ends.any_shape = f32;
    expect_rebuilt(back_ends);
  }
  for (const Int8Product* const int8 :
       {&highway_int8_product(), &scalar_int8_product(), amx_int8_product()}) {
    if (int8 == nullptr) continue;
    back_ends.int8 = int8;
    expect_rebuilt(back_ends);
  }
  back_ends.attention = nullptr;
  for (const Bf16Product* const bf16 : {dot_bf16_product(), amx_bf16_product()}) {
    back_ends.bf16 = bf16;  // null: widened
    expect_rebuilt(back_ends);
  }
  if (amx_bf16_product() == nullptr) return;
  back_ends.attention = amx_bf16_product();
  expect_rebuilt(back_ends);
}

TEST(BackEndsText, HasNoSpaceInsideAnEntry) {
  const std::string text = describe(choose_back_ends());
  EXPECT_EQ(std::ranges::count(text, ' '), 6);
  EXPECT_EQ(std::ranges::count(text, '='), 7);
}

TEST(BackEndsText, WhatTheMachineLacksIsNamed) {
  const auto lacking = [] {
    const std::string why = ": this machine has no such back end";
    expect_refused(text_of("bf16", "amx"), ErrorCode::kUnsupported, "bf16=amx" + why);
    expect_refused(text_of("bf16", "avx512_bf16"), ErrorCode::kUnsupported,
                   "bf16=avx512_bf16" + why);
    expect_refused(text_of("int8", "amx"), ErrorCode::kUnsupported, "int8=amx" + why);
    expect_refused(text_of("f32", "other"), ErrorCode::kUnsupported, "f32=other" + why);
    // Without bf16's products there are none for attention.
    expect_refused(text_of("attention", "bf16"), ErrorCode::kUnsupported, "attention=bf16" + why);
  };
  for_each_target([&] {
    if (simd_name() != "avx512_vnni") lacking();
  });
}

// All kernels would give other digits.
TEST(BackEndsText, OtherInstructionsAreRefused) {
  for_each_target([] {
    std::string text = text_of("", "");
    ASSERT_TRUE(back_ends_from_text(text));
    text.replace(0, text.find(' '), "simd=other");
    expect_refused(text, ErrorCode::kUnsupported,
                   "simd=other: this machine's is " + std::string(simd_name()));
  });
}

TEST(BackEndsText, WhatIsNoSuchLineIsRefusedByEntry) {
  const std::string good = text_of("", "");
  const auto refused = [](const std::string& text, const std::string& why) {
    expect_refused(text, ErrorCode::kInvalidArgument, why);
  };
  refused("", "simd is missing");
  refused(good.substr(0, good.rfind(' ')), "int8_speedup is missing");
  refused(good + " f32=scalar", "f32 is there twice");
  refused(good + " colour=red", "colour: no such entry");
  refused(good + " nonsense", "\"nonsense\" is not of the form");
  refused(good + "  ", "\"\" is not of the form");
  for (const char* number : {"", "x", "1x", "-1", "inf", "nan", "1e999"})
    refused(text_of("bf16_speedup", number), fmt::format("bf16_speedup={}: not a", number));
}

// In a process of its own, as a process installs one choice.
[[noreturn]] void install() {
  use_back_ends(*back_ends_from_text(text_of("", "")));
  const BackEnds& used = default_back_ends();
  const bool same = used.f32 == &scalar_product() && used.int8 == &scalar_int8_product() &&
                    used.int8_speedup == 1.25;
  std::_Exit(same ? 0 : 1);
}

TEST(UseBackEndsDeathTest, TheInstalledOnesAreUsed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(install(), testing::ExitedWithCode(0), "");
}

TEST(ChooseBackEnds, WritesSpeedupsInHundredths) {
  const BackEnds chosen = choose_back_ends();
  EXPECT_GT(chosen.bf16_speedup, 0);
  EXPECT_GT(chosen.int8_speedup, 0);
  const auto rebuilt = back_ends_from_text(describe(chosen));
  ASSERT_TRUE(rebuilt);
  EXPECT_LE(describe(*rebuilt).size(), 256U);
}

}  // namespace
}  // namespace onecopy::worker::kernels
