// Segments that a broken disk, another build or an attacker might leave: all are refused, none
// crashes.
#include <gmock/gmock.h>

#include <cstring>
#include <functional>
#include <random>

#include "shared/base/checksum.h"
#include "shared/segment/segment_format.h"
#include "tests/shared/segment/segment_fixture.h"

namespace onecopy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DamageTest : public SegmentTest {
 protected:
  DamageTest() : good_(read_raw(publish_small())) {}

  static Result<Segment> open(const std::string& segment, const std::vector<char>& bytes) {
    write_raw(segment, bytes);
    return Segment::open(segment, Segment::Check::kContents);
  }

  SegmentHeader header() const {
    SegmentHeader header{};
    std::memcpy(&header, good_.data(), sizeof(header));
    return header;
  }

  // What a writer without scruples would publish: the change, with all checksums made right again.
  std::vector<char> forge(
      const std::function<void(std::vector<char>&, SegmentHeader&)>& change) const {
    std::vector<char> bytes = good_;
    SegmentHeader head = header();
    change(bytes, head);
    for (Extent* part : {&head.tensors, &head.dependencies, &head.names, &head.metadata}) {
      const std::uint64_t size = align_up(part->bytes);
      if (part->offset > bytes.size() || size > bytes.size() - part->offset) continue;
      part->checksum = checksum(std::as_bytes(std::span(bytes)).subspan(part->offset, size));
    }
    head.header_checksum = checksum(
        std::as_bytes(std::span(&head, 1)).first(offsetof(SegmentHeader, header_checksum)));
    std::memcpy(bytes.data(), &head, sizeof(head));
    return bytes;
  }

  std::vector<char> forge_record(std::size_t index,
                                 const std::function<void(TensorRecord&)>& change) const {
    return forge([&](std::vector<char>& bytes, const SegmentHeader& head) {
      TensorRecord record{};
      char* at = bytes.data() + head.tensors.offset + index * sizeof(record);
      std::memcpy(&record, at, sizeof(record));
      change(record);
      std::memcpy(at, &record, sizeof(record));
    });
  }

  std::vector<char> good_;
};

TEST_F(DamageTest, TheUndamagedCopyOpens) {
  ASSERT_TRUE(open(name(2), good_));
  ASSERT_TRUE(open(name(2), forge([](auto&, auto&) {})));
}

TEST_F(DamageTest, EveryFlippedBitIsFound) {
  std::mt19937_64 random(42);
  for (int i = 0; i < 1000; ++i) {
    std::vector<char> bytes = good_;
    const std::size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    EXPECT_FALSE(open(name(2), bytes)) << "byte " << at;
  }
}

TEST_F(DamageTest, EveryHeaderByteCounts) {
  for (std::size_t at = 0; at < sizeof(SegmentHeader); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::vector<char> bytes = good_;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      EXPECT_FALSE(open(name(2), bytes)) << "byte " << at;
    }
  }
}

TEST_F(DamageTest, EveryLengthButTheRightOneIsRefused) {
  for (std::size_t size = 0; size < good_.size(); size += size < 300 ? 1 : 61) {
    EXPECT_FALSE(open(name(2), {good_.begin(), good_.begin() + static_cast<std::ptrdiff_t>(size)}))
        << size;
  }
  std::vector<char> longer = good_;
  longer.resize(good_.size() + 64);
  EXPECT_FALSE(open(name(2), longer));
}

TEST_F(DamageTest, OtherVersionsAreNamed) {
  const auto version =
      open(name(2), forge([](auto&, SegmentHeader& head) { head.format_version = 77; }));
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(version.error().text,
              AllOf(HasSubstr("77"), HasSubstr(std::to_string(kSegmentFormatVersion))));

  const auto layout =
      open(name(2), forge([](auto&, SegmentHeader& head) { head.layout_fingerprint ^= 1; }));
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kUnsupported);
}

TEST_F(DamageTest, ForgedPartsAreRefused) {
  const std::uint64_t far = ~std::uint64_t{0} - 63;
  const std::vector<std::function<void(SegmentHeader&)>> changes = {
      [](SegmentHeader& h) { h.total_bytes += 64; },
      [](SegmentHeader& h) { h.tensors.offset += 64; },
      [=](SegmentHeader& h) { h.tensors.bytes = far; },
      [](SegmentHeader& h) { h.tensors.bytes -= 1; },
      [](SegmentHeader& h) { h.tensors.bytes += sizeof(TensorRecord); },
      [](SegmentHeader& h) { h.dependencies.bytes = sizeof(DependencyRecord); },
      [=](SegmentHeader& h) { h.names.offset = far; },
      [](SegmentHeader& h) { h.names.bytes = 1; },
      [](SegmentHeader& h) { h.metadata.bytes -= 1; },
      [](SegmentHeader& h) { h.metadata.bytes = 0; },
      [=](SegmentHeader& h) { h.tokenizer.bytes = far; },
      [](SegmentHeader& h) { h.tokenizer.bytes += 64; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto bytes = forge([&](auto&, SegmentHeader& head) { changes[i](head); });
    EXPECT_FALSE(open(name(2), bytes)) << "change " << i;
  }
}

TEST_F(DamageTest, ForgedRecordsAreRefused) {
  const std::vector<std::function<void(TensorRecord&)>> changes = {
      [](TensorRecord& r) { r.name_offset = 0xffffffff; },
      [](TensorRecord& r) { r.name_bytes = 0xffffffff; },
      [](TensorRecord& r) { r.name_bytes = 0; },
      [](TensorRecord& r) { r.layout = 2; },
      [](TensorRecord& r) { r.dtype = 1; },  // known, but of another size
      [](TensorRecord& r) { r.dtype = 2; },
      [](TensorRecord& r) { r.dtype = 3; },
      [](TensorRecord& r) { r.dtype = 0xffffffff; },
      [](TensorRecord& r) { r.rows = 0; },
      [](TensorRecord& r) { r.rows = std::uint64_t{1} << 62; },
      [](TensorRecord& r) { r.cols = std::uint64_t{1} << 63; },
      [](TensorRecord& r) { r.cols += 1; },
      [](TensorRecord& r) { r.holder = 1; },
      [](TensorRecord& r) { r.holder = 0xffffffff; },
      [](TensorRecord& r) { r.reserved = 1; },
      [](TensorRecord& r) { r.data.offset += 64; },
      [](TensorRecord& r) { r.data.offset -= 64; },
      [](TensorRecord& r) { r.data.offset = ~std::uint64_t{0} - 63; },
      [](TensorRecord& r) { r.data.bytes += 4; },
      [](TensorRecord& r) { r.data.checksum ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    for (std::size_t record = 0; record < 3; ++record) {
      EXPECT_FALSE(open(name(2), forge_record(record, changes[i])))
          << "change " << i << " of record " << record;
    }
  }
}

TEST_F(DamageTest, TwoTensorsOfOneNameAreRefused) {
  TensorRecord first{};
  std::memcpy(&first, good_.data() + header().tensors.offset, sizeof(first));
  const auto bytes = forge_record(1, [&](TensorRecord& r) {
    r.name_offset = first.name_offset;
    r.name_bytes = first.name_bytes;
  });
  EXPECT_THAT(open(name(2), bytes).error().text, HasSubstr("stands twice"));
}

TEST_F(DamageTest, AFolderOfTheNameIsRefused) {
  ASSERT_EQ(::mkdir(shared_memory_path(name(3)).c_str(), 0700), 0);
  EXPECT_FALSE(Segment::open(name(3), Segment::Check::kStructure));
  ::rmdir(shared_memory_path(name(3)).c_str());
}

}  // namespace
}  // namespace onecopy
