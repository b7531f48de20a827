// What an answer is kept and found by: a digest of all that it depends on.
#pragma once

#include <array>
#include <cstddef>

#include "gateway/dispatch/work.h"
#include "shared/base/checksum.h"

namespace onecopy::gateway {

using AnswerKey = Hash128;

// Class AnswerKeys: makes keys. Each of its objects has a secret of its own, so that nobody can
// prepare two texts with the same key. Constant after its creation: any thread.
class AnswerKeys {
 public:
  AnswerKeys();
  // Of the segment (and with it name, version, precision and load of the model: its generation is
  // never used twice), the task, all parameters, and the text with its pair. Lengths are part of
  // it, so that texts cannot run into each other. The back ends are the same for an instance's
  // life.
  AnswerKey of(const Work& work, const Work::Text& text) const;

 private:
  static constexpr std::size_t kSecretBytes = 192;
  AnswerKey digest(const void* data, std::size_t size) const;

  std::array<unsigned char, kSecretBytes> secret_;
};

}  // namespace onecopy::gateway
