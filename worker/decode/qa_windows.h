// How a long context is cut into overlapping windows, as transformers' question-answering pipeline
// does it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "shared/base/status.h"
#include "shared/protocol/mailbox_format.h"
#include "shared/segment/model_info.h"

namespace onecopy::worker {

// Tokens [begin, begin + count) of the context.
struct QaWindow {
  std::size_t begin = 0;
  std::size_t count = 0;
  bool operator==(const QaWindow&) const = default;
};

// Class QaWindows: the windows of one context in their order, each made when it is asked for: there
// may be thousands.
class QaWindows {
 public:
  QaWindows(std::size_t context, std::size_t room, std::size_t step)
      : context_(context),
        room_(room),
        step_(step),
        size_(context <= room ? 1 : (context - room + step - 1) / step + 1) {}

  std::size_t size() const { return size_; }
  QaWindow operator[](std::size_t i) const {
    return {i * step_, std::min(room_, context_ - i * step_)};
  }

 private:
  std::size_t context_;
  std::size_t room_;
  std::size_t step_;
  std::size_t size_;
};

struct QaLengths {
  std::size_t question = 0;  // tokens, without special ones
  std::size_t context = 0;
  std::size_t pair_specials = 0;  // that the template adds around a pair: 3 for BERT, 4 for RoBERTa
  std::size_t single_specials = 0;  // around one text
};

// Windows start every (room - doc_stride) tokens, where room is what question and special tokens
// leave of max_seq_len; the last is short, not shifted left. One window where the context fits. The
// defaults: max_seq_len is min(the tokenizer's model_max_length, 384), doc_stride min(max_seq_len /
// 2, 128). kInvalidArgument where the pipeline raises, and where a window exceeds the position
// table; kTooLarge where the windows are more or cost more than limits.h allows.
Result<QaWindows> cut_windows(const QaLengths& lengths, const QaParams& params,
                              const ModelInfo& info);

}  // namespace onecopy::worker
