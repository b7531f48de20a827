// Every bound of onecopy in one table, each with its reason. docs/operations.md shows them to
// operators.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace onecopy::limits {

using namespace std::chrono_literals;

// ---- model folders (files from outside) ----
inline constexpr std::size_t kJsonFileBytes = 64u << 20;  // a 250k vocabulary's is 17 MB
inline constexpr std::size_t kJsonDepth = 64;             // real files need about 10
inline constexpr std::size_t kJsonValues =
    8u << 20;  // of a file: a vocabulary of 1 M, its merges and scores
inline constexpr std::size_t kSafetensorsHeaderBytes = 16u << 20;
inline constexpr std::size_t kTensorsPerFile = 10'000;
inline constexpr std::size_t kTensorDims = 8;
inline constexpr std::size_t kTensorNameBytes = 512;
inline constexpr std::uint64_t kVocabulary = 1u << 20;
inline constexpr std::uint64_t kHidden = 8192;
inline constexpr std::uint64_t kIntermediate = 65'536;
inline constexpr std::uint64_t kLayers = 128;
inline constexpr std::uint64_t kPositions = 65'536;
inline constexpr std::uint64_t kLabels = 10'000;
inline constexpr std::size_t kLabelBytes = 1024;
inline constexpr std::size_t kTokenBytes = 4096;      // one vocabulary entry
inline constexpr std::size_t kAddedTokens = 65'536;   // found in a text before the model sees it
inline constexpr std::size_t kAddedTokenBytes = 512;  // searched for at every character of a text
inline constexpr std::size_t kTrieBytes = 8u << 20;   // all tokens of 250k real ones are 2 MB
inline constexpr std::size_t kTemplatePieces = 64;    // [CLS] $A [SEP] has three
inline constexpr std::uint32_t kMaxTypeId = 255;      // token types are 0 and 1 in all known models

// ---- names ----
inline constexpr std::size_t kNameBytes = 64;  // instance and model names
// "onecopy:INSTANCE:MODEL:VERSION:GENERATION"
inline constexpr std::size_t kSegmentNameBytes = 192;
// Other segments whose tensors one model borrows.
inline constexpr std::size_t kSegmentDependencies = 255;
inline constexpr std::size_t kModels = 1024;
inline constexpr std::size_t kWorkers = 256;
inline constexpr std::uint32_t kModelVersion = 1'000'000;  // a number that people still read
inline constexpr unsigned kCores = 1024;  // that one instance uses; larger machines exist, barely

// ---- one request ----
inline constexpr std::size_t kHeadBytes = 16u << 10;   // request line and headers
inline constexpr std::size_t kTargetBytes = 8u << 10;  // path and query: a GET carries a context
inline constexpr std::size_t kHeaders = 100;
inline constexpr std::size_t kBodyBytes = 2u << 20;
inline constexpr std::size_t kRequestJsonDepth = 8;
inline constexpr std::size_t kRequestJsonValues =
    10'000;                                          // the largest request has kEmbedInputs texts
inline constexpr std::size_t kTextBytes = 1u << 20;  // one text, before tokenizing
inline constexpr std::size_t kTokenizedBytes = 64u << 20;  // one text, on the command line too
inline constexpr std::size_t kEmbedInputs = 1024;          // texts in one /embed call
inline constexpr std::uint32_t kTopK = 1000;
inline constexpr std::uint32_t kAnswerTokens = 1u << 20;  // max_answer_len
inline constexpr std::size_t kQaWindows = 16'384;  // windows that one context may be cut into
// Different answers that are kept while a context's windows are read, at 32 bytes each: top_k 100
// finds fewer in 1 MiB of text, top_k 1000 in 500 windows.
inline constexpr std::size_t kQaAnswers = 1u << 20;
// What one request may cost, in tokens that the model computes, windows with what they overlap:
// 1 MiB of text at the default doc_stride takes up to 2 million.
inline constexpr std::size_t kRequestTokens = 4u << 20;
// And at most so many times the tokens of its text, beyond what is cheap whatever its shape. The
// default doc_stride costs 1.6 times, 4 times with small windows and a long question.
inline constexpr std::size_t kWindowOverlap = 16;
inline constexpr std::size_t kCheapTokens = 1u << 16;
inline constexpr std::size_t kReplyBytes = 16u << 20;  // one HTTP reply

// ---- connections and queue ----
inline constexpr std::size_t kConnections = 1000;  // also below half the file descriptor limit
// With fewer than one of so many places free, replies end their connections.
inline constexpr std::size_t kCrowdedParts = 10;
// A kept connection is not closed for others before: its client may just be about to send on it.
inline constexpr auto kIdleGrace = 1s;
// Bodies and replies of all connections together.
inline constexpr std::size_t kBufferedBytes = 256u << 20;
inline constexpr std::size_t kQueuedItems = 2048;  // texts waiting for a worker
inline constexpr auto kHeadDeadline = 10s;         // for the whole head, not per read
inline constexpr auto kBodyDeadline = 10s;         // plus one second per MiB of Content-Length
inline constexpr auto kIdleDeadline = 60s;         // keep-alive without a request
inline constexpr auto kWriteDeadline = 10s;        // a client that does not read its reply
inline constexpr auto kPerMib = 1s;                // of body or reply, added to those two
inline constexpr auto kLingerDeadline = 2s;        // for a refused client to read why
inline constexpr auto kRequestDeadline = 30s;      // unless X-Request-Timeout-Ms says less
inline constexpr auto kMaxRequestDeadline = 600s;
inline constexpr auto kDrainDeadline = 30s;  // after SIGTERM
inline constexpr auto kWorkerSilence = 10s;  // a busy worker shows progress every few milliseconds
inline constexpr auto kCancelGrace = 5s;     // for a worker to drop what nobody waits for: one part
inline constexpr int kCrashes = 2;    // workers that one request may crash before it is refused
inline constexpr int kAttempts = 16;  // workers that it is tried on while somebody kills them

// ---- answer cache ----
// In MB of 2^20 bytes: 64 hold some 700,000 short answers, or 19,000 embeddings of 768 values.
inline constexpr std::size_t kAnswerCacheMb = 64;  // unless --answer-cache-mb says otherwise
inline constexpr std::size_t kMostAnswerCacheMb = 1u << 16;  // 64 GB

// ---- loading ----
// At once: each takes all cores, and shares tensors with what was published before it.
inline constexpr std::size_t kLoads = 1;
inline constexpr std::size_t kWaitingLoads = 64;  // that wait for their turn; a script's mistake
inline constexpr std::size_t kFailedLoads = 64;   // whose errors are kept for those who poll
// Of a loading process's own: LoRA matrices in f32, a tokenizer's JSON, threads' stacks. Weights are
// read from mapped files and written to shared memory, neither of which counts.
inline constexpr std::uint64_t kLoaderBytes = std::uint64_t{8} << 30;

// ---- number of workers, management ----
// A request that has waited so long for a worker brings more of them, up to their most: longer than
// a burst that the workers are through with at once, shorter than a client notices.
inline constexpr auto kAddWorkersAfter = 100ms;
// Workers beyond their least number that were idle for so long go. A fork is 1 ms and an idle
// worker costs little memory: no hurry.
inline constexpr auto kRetireWorkersAfter = 60s;
inline constexpr auto kWorkerExit = 2s;         // of one whose socket was closed; then it is killed
inline constexpr auto kCommandDeadline = 600s;  // a management call: a model of 10 GB loads in it
inline constexpr std::size_t kCommands = 256;   // that wait for the host at once
inline constexpr std::size_t kShadows = 64;     // copies of requests that wait for an idle worker
inline constexpr std::size_t kModelsListed = 100;  // in one reply, as in TorchServe

// ---- control channels ----
inline constexpr std::size_t kMessageBytes =
    64u << 10;  // one message; what is larger goes into a memfd
inline constexpr std::size_t kUnsentMessages = 16'384;    // that wait for one process to read them
inline constexpr std::size_t kSnapshotBytes = 16u << 20;  // the registry of kModels models as JSON
inline constexpr std::size_t kControlClients = 16;        // at one process's rendezvous at once
inline constexpr auto kAcceptPause = 1s;                  // when the system refuses to accept
inline constexpr auto kPingInterval = 5s;                 // host to gateway and nursery
inline constexpr auto kSilence = 15s;        // then such a process is ended and started again
inline constexpr auto kAloneDeadline = 60s;  // of a nursery that neither host nor gateway speaks to
inline constexpr auto kKillDeadline = 5s;    // for killed processes to be gone, before an exit
inline constexpr auto kTrialDeadline = 60s;  // of one forward pass over a few sentences
inline constexpr std::size_t kTrials = 64;   // being prepared or running at once

// ---- mailbox ----
// Texts are shorter than their JSON.
inline constexpr std::size_t kMailboxRequestBytes = kBodyBytes + (64u << 10);
// The largest reply of one request; see mailbox_format.h.
inline constexpr std::size_t kItemReplyBytes = kLabels * sizeof(float);
inline constexpr std::size_t kErrorTextBytes = 1024;

// ---- precision=auto ----
// Largest difference from f32, in parts of the largest logit: what bf16 may have too.
inline constexpr double kAutoError = 0.03;
inline constexpr double kAutoSpeedup = 1.2;  // below, int8's loss buys nothing

// ---- batches ----
// Tokens that a worker computes together: enough that the time goes into arithmetic rather than
// into reading weights, few enough that nobody waits long for the others.
inline constexpr std::size_t kBatchTokens = 512;
// Requests that a worker takes at once: those of the shortest texts reach kBatchTokens.
inline constexpr std::size_t kBatchItems = 64;

// ---- log ----
// Text of one line: with what stands before it, one write that a pipe takes as a whole (PIPE_BUF).
inline constexpr std::size_t kLogTextBytes = 3584;

}  // namespace onecopy::limits
