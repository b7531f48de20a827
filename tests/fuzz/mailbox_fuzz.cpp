// Any bytes as what the other side of a mailbox wrote: refused, or taken with every string and list
// inside its bounds. By the first byte of the input:
//   even: the rest is the area of requests, taken as a worker does;
//   odd: it is the area of replies, collected as the gateway does, after it has posted a batch
//   whose size and task the byte says too.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/protocol/mailbox.h"

namespace {

using namespace onecopy;  // NOLINT: a program of one file

constexpr std::uint64_t kEpoch = 1;
constexpr std::string_view kContext = "a context";

void require(bool condition) {
  if (!condition) std::abort();
}

// Both sides of one mailbox, and a mapping to write anything with.
struct Sides {
  Mailbox gateway;
  Mailbox worker;
  std::byte* raw;
};

Sides& sides() {
  static Sides all = [] {
    auto gateway = Mailbox::create();
    require(gateway.has_value());
    auto worker = Mailbox::attach(UniqueFd(::dup(gateway->fd())));
    require(worker.has_value());
    void* raw =
        ::mmap(nullptr, kMailboxBytes, PROT_READ | PROT_WRITE, MAP_SHARED, gateway->fd(), 0);
    require(raw != MAP_FAILED);
    return Sides{std::move(*gateway), std::move(*worker), static_cast<std::byte*>(raw)};
  }();
  return all;
}

// The input at `offset`, with the epoch made right so that the checks behind it are reached.
void write_area(std::size_t offset, std::size_t room, const std::uint8_t* data, std::size_t size) {
  std::byte* const area = sides().raw + offset;
  if (size != 0) std::memcpy(area, data, std::min(size, room));
  std::memcpy(area, &kEpoch, sizeof kEpoch);
}

// Nothing of this input is left for the next one.
void clear(std::size_t size) {
  const std::size_t written = std::max<std::size_t>(size + sizeof kEpoch, 8192);
  std::memset(sides().raw + kMailboxRequestAt, 0, std::min(written, limits::kMailboxRequestBytes));
  std::memset(sides().raw + kMailboxReplyAt, 0, std::min(written, kMailboxBytes - kMailboxReplyAt));
}

unsigned sum_of(std::string_view text) {
  unsigned sum = 0;
  for (const char c : text) sum += static_cast<unsigned char>(c);
  return sum;
}

unsigned take() {
  const auto requests = sides().worker.take(kEpoch);
  if (!requests) return 0;
  require(!requests->empty() && requests->size() <= limits::kBatchItems);
  unsigned sum = 0;
  std::size_t bytes = 0;
  for (const WorkRequest& request : *requests) {
    const std::string_view pair = request.pair.value_or("");
    bytes += request.text.size() + pair.size();
    sum += sum_of(request.segment) + sum_of(request.text) + sum_of(pair);
    require(request.qa.top_k >= 1 && request.qa.max_answer_len >= 1);
  }
  require(bytes <= kMailboxTextBytes);
  return sum;
}

void post(std::uint8_t how) {
  WorkRequest request;
  request.segment = "segment";
  request.task = how % 4 == 1 ? Task::kQuestionAnswering : Task::kEmbedding;
  request.pair = kContext;
  const std::vector<WorkRequest> requests(1 + how / 4U, request);
  require(sides().gateway.post(kEpoch, requests).has_value());
}

unsigned collect() {
  const auto replies = sides().gateway.collect(kEpoch);
  if (!replies) return 0;
  unsigned sum = 0;
  for (const WorkReply& reply : *replies) {
    if (reply.error) require(reply.error->text.size() <= limits::kErrorTextBytes);
    for (const QaAnswer& answer : reply.answers) {
      require(answer.byte_start <= answer.byte_end);
      sum += sum_of(kContext.substr(answer.byte_start, answer.byte_end - answer.byte_start));
    }
    require(reply.values.size() * sizeof(float) <= limits::kItemReplyBytes);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  unsigned sum = 0;
  if (data[0] % 2 == 0) {
    write_area(kMailboxRequestAt, limits::kMailboxRequestBytes, data + 1, size - 1);
    sum = take();
  } else {
    post(data[0]);
    write_area(kMailboxReplyAt, kMailboxBytes - kMailboxReplyAt, data + 1, size - 1);
    sum = collect();
  }
  clear(size);
  return sum == 0xffffffffU ? 1 : 0;
}
