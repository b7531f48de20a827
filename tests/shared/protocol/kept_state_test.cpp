#include "shared/protocol/kept_state.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include "shared/base/memory_file.h"
#include "tests/shared/protocol/kept_fixture.h"
#include "tests/shared/protocol/link_recorder.h"

namespace onecopy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(KeptState, HandsOverWhatItKeeps) {
  KeptState kept;
  ASSERT_TRUE(keep(kept, listener_message("inference")));
  ASSERT_TRUE(keep(kept, listener_message("management")));
  ASSERT_TRUE(keep(kept, segment_message(kSegmentA)));
  ASSERT_TRUE(keep(kept, segment_message(kSegmentB)));
  ASSERT_TRUE(keep(kept, registry_message(registry_of(7, {kSegmentA, kSegmentB}))));

  const auto loop = EventLoop::create().value();
  auto ends = make_channel().value();
  LinkRecorder unused;
  LinkRecorder recorder;
  ControlLink giving(*loop, unused, std::move(ends.first));
  ControlLink taking(*loop, recorder, std::move(ends.second));
  ASSERT_TRUE(giving.start() && taking.start());
  kept.hand_over(giving);
  ASSERT_TRUE(run_until(*loop, [&] {
    return !recorder.messages.empty() && recorder.messages.back().type == "kept";
  }));
  EXPECT_THAT(recorder.types(),
              ElementsAre("listener", "listener", "segment", "segment", "registry", "kept"));

  KeptState next;
  for (ControlMessage& message : recorder.messages) {
    if (message.type != "kept") {
      ASSERT_TRUE(next.keep(message));
    }
  }
  EXPECT_EQ(next.registry(), kept.registry());
  EXPECT_EQ(next.listeners().at("management").url, "http://127.0.0.1:1/management");
  for (const auto* name : {kSegmentA, kSegmentB}) {
    EXPECT_EQ(read_memory_file(next.segment(name), 100), name);
  }
}

TEST(KeptState, HandsOverNothingWhenItIsEmpty) {
  const auto loop = EventLoop::create().value();
  auto ends = make_channel().value();
  LinkRecorder unused;
  ControlLink giving(*loop, unused, std::move(ends.first));
  ASSERT_TRUE(giving.start());
  KeptState().hand_over(giving);
  EXPECT_EQ(receive_control(ends.second.get())->type, "kept");
}

TEST(KeptState, SegmentsThatAreNoLongerNamedAreClosed) {
  KeptState kept;
  ASSERT_TRUE(keep(kept, segment_message(kSegmentA)));
  ASSERT_TRUE(keep(kept, segment_message(kSegmentB)));
  ASSERT_TRUE(keep(kept, registry_message(registry_of(1, {kSegmentA, kSegmentB}))));
  const int former = kept.segment(kSegmentA);
  ASSERT_GE(former, 0);
  ASSERT_TRUE(keep(kept, registry_message(registry_of(2, {kSegmentB}))));
  EXPECT_EQ(kept.segment(kSegmentA), -1);
  EXPECT_EQ(::fcntl(former, F_GETFD), -1);
  EXPECT_GE(kept.segment(kSegmentB), 0);
  EXPECT_EQ(kept.registry().revision, 2U);
}

ControlMessage without_descriptor(ControlMessage message) {
  message.fd.reset();
  return message;
}

ControlMessage with_field(ControlMessage message, const char* key, const Json& value) {
  message.body[key] = value;
  return message;
}

TEST(KeptState, WhatIsMalformedChangesNothing) {
  KeptState kept;
  ASSERT_TRUE(keep(kept, segment_message(kSegmentA)));
  ASSERT_TRUE(keep(kept, registry_message(registry_of(1, {kSegmentA}))));

  std::vector<ControlMessage> malformed;
  for (const char* port : {"inference", "management"}) {
    malformed.push_back(without_descriptor(listener_message(port)));
  }
  malformed.push_back(listener_message("metrics"));
  malformed.push_back(with_field(listener_message("inference"), "port", 8080));
  malformed.push_back(with_field(listener_message("inference"), "url", Json::array()));
  malformed.push_back(without_descriptor(segment_message(kSegmentB)));
  malformed.push_back(segment_message("/etc/passwd"));
  malformed.push_back(segment_message(std::string(kSegmentB) + ".loading/.."));
  malformed.push_back(with_field(segment_message(kSegmentB), "name", nullptr));
  malformed.push_back(without_descriptor(registry_message(registry_of(2, {kSegmentA}))));
  malformed.push_back(registry_message(registry_of(2, {kSegmentA, kSegmentB})));  // B did not come
  for (const char* text : {"", "{", "[]", "{}", R"({"revision":"x"})"}) {
    malformed.push_back({"registry", {{"revision", 2}}, make_memory_file("test", text).value()});
  }
  malformed.push_back({"registry", {}, UniqueFd(::memfd_create("test", MFD_CLOEXEC))});
  for (ControlMessage& message : malformed) {
    const Json body = message.body;
    const Status status = kept.keep(message);
    ASSERT_FALSE(status) << body;
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt) << body << status.error().text;
  }
  EXPECT_EQ(kept.registry(), registry_of(1, {kSegmentA}));
  EXPECT_EQ(kept.segments().size(), 1U);
  EXPECT_TRUE(kept.listeners().empty());
}

TEST(KeptState, ARegistryNamesTheSegmentThatDidNotCome) {
  KeptState kept;
  const Status status = keep(kept, registry_message(registry_of(2, {kSegmentB})));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text, HasSubstr(kSegmentB));
}

}  // namespace
}  // namespace onecopy
