// Segments that a broken disk, another build or an attacker might leave: all are refused, none
// crashes.
#include <gmock/gmock.h>

#include <cstring>
#include <functional>
#include <random>

#include "shared/segment/segment_format.h"
#include "tests/shared/segment/reseal.h"
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

  SectionRecord section(std::size_t index) const {
    SectionRecord record{};
    std::memcpy(&record, good_.data() + sizeof(SegmentHeader) + index * sizeof(record),
                sizeof(record));
    return record;
  }

  // What a writer without scruples would publish: the change, with all hashes made right again.
  std::vector<char> forge(const std::function<void(std::vector<char>&)>& change) const {
    std::vector<char> bytes = good_;
    change(bytes);
    reseal(std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }

  template <class Record>
  std::vector<char> forge_at(std::size_t offset, const std::function<void(Record&)>& change) const {
    return forge([&](std::vector<char>& bytes) {
      Record record{};
      std::memcpy(&record, bytes.data() + offset, sizeof(record));
      change(record);
      std::memcpy(bytes.data() + offset, &record, sizeof(record));
    });
  }
  std::vector<char> forge_header(const std::function<void(SegmentHeader&)>& change) const {
    return forge_at<SegmentHeader>(0, change);
  }
  std::vector<char> forge_section(std::size_t index,
                                  const std::function<void(SectionRecord&)>& change) const {
    return forge_at<SectionRecord>(sizeof(SegmentHeader) + index * sizeof(SectionRecord), change);
  }
  std::vector<char> forge_record(std::size_t index,
                                 const std::function<void(TensorRecord&)>& change) const {
    return forge_at<TensorRecord>(section(0).offset + index * sizeof(TensorRecord), change);
  }

  std::vector<char> good_;
};

TEST_F(DamageTest, TheUndamagedCopyOpens) {
  ASSERT_TRUE(open(name(2), good_));
  ASSERT_TRUE(open(name(2), forge([](auto&) {})));
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

TEST_F(DamageTest, EveryByteOfHeaderAndTableCounts) {
  for (std::size_t at = 0; at < sizeof(SegmentHeader) + 5 * sizeof(SectionRecord); ++at) {
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
      open(name(2), forge_header([](SegmentHeader& head) { head.format_version = 2; }));
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(version.error().text, AllOf(HasSubstr("version 2"), HasSubstr("reads 3")));

  const auto layout =
      open(name(2), forge_header([](SegmentHeader& head) { head.layout_fingerprint ^= 1; }));
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kUnsupported);
}

TEST_F(DamageTest, ForgedHeadersAreRefused) {
  const std::vector<std::function<void(SegmentHeader&)>> changes = {
      [](SegmentHeader& h) { h.total_bytes += 64; },
      [](SegmentHeader& h) { h.kind = 1; },  // which has no tokenizer
      [](SegmentHeader& h) { h.kind = 3; },
      [](SegmentHeader& h) { h.kind = 0xffffffff; },
      [](SegmentHeader& h) { h.sections = 4; },
      [](SegmentHeader& h) { h.sections = 3; },
      [](SegmentHeader& h) { h.sections = 0; },
      [](SegmentHeader& h) { h.sections = 6; },
      [](SegmentHeader& h) { h.sections = ~std::uint64_t{0}; },
      [](SegmentHeader& h) { h.reserved = 1; },
      [](SegmentHeader& h) { h.padding[3] = 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i)
    EXPECT_FALSE(open(name(2), forge_header(changes[i]))) << "change " << i;
}

TEST_F(DamageTest, ForgedSectionsAreRefused) {
  const std::uint64_t far = ~std::uint64_t{0} - 63;
  const std::vector<std::function<void(SectionRecord&)>> changes = {
      [](SectionRecord& s) { s.kind += 1; },  // the next one's, the payload's
      [](SectionRecord& s) { s.kind = 6; },     [](SectionRecord& s) { s.kind = 0xffffffff; },
      [](SectionRecord& s) { s.reserved = 1; }, [](SectionRecord& s) { s.offset += 64; },
      [](SectionRecord& s) { s.offset -= 64; }, [=](SectionRecord& s) { s.offset = far; },
      [=](SectionRecord& s) { s.bytes = far; }, [](SectionRecord& s) { s.bytes += 64; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    for (std::size_t index = 0; index < 5; ++index) {
      EXPECT_FALSE(open(name(2), forge_section(index, changes[i])))
          << "change " << i << " of section " << index;
    }
  }
  // Lengths that leave the others where they are.
  EXPECT_FALSE(open(name(2), forge_section(0, [](SectionRecord& s) { s.bytes -= 1; })));
  EXPECT_FALSE(open(name(2), forge_section(2, [](SectionRecord& s) { s.bytes = 1; })));
  EXPECT_FALSE(open(name(2), forge_section(3, [](SectionRecord& s) { s.bytes -= 1; })));
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
      [](TensorRecord& r) { r.dtype = 10; },
      [](TensorRecord& r) { r.dtype = 0xffffffff; },
      [](TensorRecord& r) { r.rank = 0; },
      [](TensorRecord& r) { r.rank = 1; },
      [](TensorRecord& r) { r.rank = 3; },
      [](TensorRecord& r) { r.rank = 9; },
      [](TensorRecord& r) { r.rank = 0xffffffff; },
      [](TensorRecord& r) { r.dims[0] = 0; },
      [](TensorRecord& r) { r.dims[0] = std::uint64_t{1} << 62; },
      [](TensorRecord& r) { r.dims[1] = std::uint64_t{1} << 63; },
      [](TensorRecord& r) { r.dims[1] += 1; },
      [](TensorRecord& r) { r.dims[7] = 1; },  // beyond the rank
      [](TensorRecord& r) { r.holder = 1; },
      [](TensorRecord& r) { r.holder = 0xffffffff; },
      [](TensorRecord& r) { r.offset += 64; },
      [](TensorRecord& r) { r.offset -= 64; },
      [](TensorRecord& r) { r.offset = ~std::uint64_t{0} - 63; },
      [](TensorRecord& r) { r.bytes += 4; },
      [](TensorRecord& r) { r.hash.low ^= 1; },
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
  std::memcpy(&first, good_.data() + section(0).offset, sizeof(first));
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
