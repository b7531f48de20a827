// The records that gateway and worker exchange through a mailbox: one shared memory area per
// worker, which the gateway creates and hands over as a file descriptor. It has no name, so nothing
// is left when both die.
//
//   [ MailboxHeader ]
//   [ requests: RequestBatch, RequestRecord[kBatchItems], text, pair, text, pair, ... ]
//   [ replies: ReplyBatch, ReplyRecord[kBatchItems], payload, payload, ... ]
//
// One batch at a time: requests for one model, and as many replies in the same order. Texts and
// payloads lie one behind the other without gaps, so that where each begins follows from the sizes
// before it.
//
// The gateway writes the requests, sends one Wake over the worker's socket, and leaves the area
// alone until the worker answered or its socket closed. The worker does the same with the
// replies. The socket orders the memory accesses and tells of death at once; no lock is shared.
// Each side copies a record out and checks every field before it uses one (mailbox.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "shared/base/limits.h"

namespace onecopy {

inline constexpr std::uint64_t kMailboxMagic = 0x33786f626c69614dULL;  // "Mailbox3"

struct MailboxHeader {
  std::uint64_t magic;
  std::uint64_t bytes;  // of the whole area
  // Set by the worker's handler of a fatal signal: it ended by itself, most likely over its
  // request, and was not killed from outside.
  std::atomic<std::uint32_t> crashed;
  // How many threads the worker may compute with now. Written by the gateway, at any time; the
  // worker looks at it before every step of a forward pass.
  std::atomic<std::uint32_t> threads;
  // Bit i: nobody wants item i of the batch any more. Written by the gateway, which clears it
  // before a batch is posted; the worker looks at it between two parts of a batch.
  std::atomic<std::uint64_t> cancelled;
  // The worker counts it up, by any steps, for as long as it computes: a busy one whose number
  // stands still hangs. On a cache line of its own: the helpers read `threads` all the time.
  alignas(64) std::atomic<std::uint32_t> progress;
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free &&
              std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(limits::kBatchItems <= 64, "MailboxHeader::cancelled has a bit for each item");

// Parameters of Hugging Face's question-answering pipeline; -1: not given, the pipeline's default.
struct QaParams {
  std::int32_t top_k = 1;
  std::int32_t doc_stride = -1;
  std::int32_t max_seq_len = -1;
  std::int32_t max_answer_len = 15;
  std::int32_t max_question_len = 64;  // accepted, without effect, as with fast tokenizers
  std::uint8_t handle_impossible_answer = 0;
  std::uint8_t align_to_words = 1;
};

enum class FunctionToApply : std::uint32_t { kDefault, kNone, kSigmoid, kSoftmax };

// TextParams::normalize: as the model's folder says.
inline constexpr std::uint8_t kAsModelSays = 2;

// Classification and embedding.
struct TextParams {
  FunctionToApply function = FunctionToApply::kDefault;  // classification
  std::int32_t max_length = -1;                          // -1: the model's own
  std::uint8_t truncate = 1;                             // 0: over-long text is an error
  std::uint8_t normalize = kAsModelSays;                 // embedding: 0 no, 1 yes
};

struct RequestBatch {
  std::uint64_t epoch;  // counts up with every batch of this mailbox; the replies repeat it
  std::uint32_t count;  // of requests: 1 to kBatchItems
  std::uint32_t task;   // Task; must be the model's own
  char segment[limits::kSegmentNameBytes];  // published name, NUL-terminated
};

struct RequestRecord {
  std::uint32_t text_bytes;
  std::uint32_t pair_bytes;
  std::uint32_t has_pair;  // 0 or 1
  std::uint32_t reserved;
  std::int64_t deadline_ns;  // on CLOCK_MONOTONIC, which all processes share; 0: none
  QaParams qa;               // text is the question, pair the context
  TextParams text;
};

// One answer of question answering. start and end are in code points and, as in the pipeline, may
// lie outside the context (an answer at a [CLS] typed in the question); the bytes are the text's,
// clamped.
struct QaAnswer {
  double score;
  std::uint32_t start;
  std::uint32_t end;
  std::uint32_t byte_start;
  std::uint32_t byte_end;
};

struct ReplyBatch {
  std::uint64_t epoch;
  std::uint32_t count;  // of replies: as many as there were requests
  std::uint32_t reserved;
};

struct ReplyRecord {
  std::uint32_t error;          // 0 or an ErrorCode; then the payload is its text
  std::uint32_t payload_bytes;  // QaAnswer[], or float[] (probabilities by label; the embedding)
  std::uint32_t tokens;         // that the model computed, specials included
  std::uint32_t reserved;
};

static_assert(std::is_trivially_copyable_v<RequestBatch> &&
              std::is_trivially_copyable_v<RequestRecord> &&
              std::is_trivially_copyable_v<ReplyBatch> &&
              std::is_trivially_copyable_v<ReplyRecord>);

// Every reply that a worker can make fits, and so does a batch of the largest ones: no request
// suffers from the others of its batch. Pages that nobody touches cost nothing.
static_assert(limits::kItemReplyBytes >= limits::kLabels * sizeof(float) &&
              limits::kItemReplyBytes >= limits::kHidden * sizeof(float) &&
              limits::kItemReplyBytes >= limits::kTopK * sizeof(QaAnswer) &&
              limits::kItemReplyBytes >= limits::kErrorTextBytes);

inline constexpr std::size_t kMailboxRequestAt = 4096;
static_assert(sizeof(MailboxHeader) <= kMailboxRequestAt);
inline constexpr std::size_t kMailboxTextsAt =
    kMailboxRequestAt + sizeof(RequestBatch) + limits::kBatchItems * sizeof(RequestRecord);
inline constexpr std::size_t kMailboxReplyAt = kMailboxRequestAt + limits::kMailboxRequestBytes;
inline constexpr std::size_t kMailboxPayloadsAt =
    kMailboxReplyAt + sizeof(ReplyBatch) + limits::kBatchItems * sizeof(ReplyRecord);
inline constexpr std::size_t kMailboxBytes =
    kMailboxPayloadsAt + limits::kBatchItems * limits::kItemReplyBytes;

// Of all texts of a batch together.
inline constexpr std::size_t kMailboxTextBytes = kMailboxReplyAt - kMailboxTextsAt;
static_assert(kMailboxTextBytes >= limits::kBodyBytes);  // any one request

}  // namespace onecopy
