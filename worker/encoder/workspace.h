// Scratch memory and threads of one worker, shared by all the models it serves.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/parallel.h"

namespace onecopy::worker {

// Class Workspace: owns the buffers of one forward pass and the threads that compute it. One caller
// at a time. Buffers grow to the largest batch seen, at 512 tokens a sequence:
//   f32    tokens * (2 * hidden + max(3 * hidden, intermediate)) floats, and a quarter of a
//          megabyte per thread
//   lower  tokens * (2.5 * hidden + max(3 * hidden, intermediate / 2)) floats, a few scales for
//          each token, and half a megabyte per thread
// 13 MB for 512 tokens of BERT-large with two threads in either case. Threads start at the first
// batch that is worth them, never in the constructor, so that a process may still fork after making
// one.
class Workspace {
 public:
  // threads >= 1, the calling thread included; `grant` and `progress` as in ThreadPool.
  explicit Workspace(unsigned threads, const std::atomic<std::uint32_t>* grant = nullptr,
                     std::atomic<std::uint32_t>* progress = nullptr)
      : pool_(threads, grant, progress) {}

  unsigned threads() const { return pool_.threads(); }
  kernels::ThreadPool& pool() { return pool_; }
  std::size_t bytes() const {  // scratch held now
    return hidden.bytes() + attended.bytes() + wide.bytes() + heads.bytes() + input.bytes() +
           scales.bytes() + row_scales.bytes();
  }

  // Memory of the encoder's steps; the sizes are the encoder's business.
  kernels::AlignedBuffer hidden;    // [tokens, hidden]: what goes from layer to layer
  kernels::AlignedBuffer attended;  // [tokens, hidden]: attention's context; at the end the result
  kernels::AlignedBuffer wide;      // query, key and value, or the feed-forward's inner activations
  kernels::AlignedBuffer heads;     // per thread: attention's packed keys and scores
  // Lower precisions only.
  kernels::AlignedBuffer input;       // [tokens, hidden]: `hidden` as the products read it
  kernels::AlignedBuffer row_scales;  // [2, tokens]: of `input`
  kernels::AlignedBuffer scales;      // of the context, or of the inner activations

 private:
  kernels::ThreadPool pool_;
};

}  // namespace onecopy::worker
