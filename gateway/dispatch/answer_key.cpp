#include "gateway/dispatch/answer_key.h"

#include <xxhash.h>

#include <cstdint>
#include <random>
#include <string_view>

namespace onecopy::gateway {

AnswerKeys::AnswerKeys() {
  static_assert(kSecretBytes >= XXH3_SECRET_SIZE_MIN);
  std::random_device source;
  for (unsigned char& byte : secret_) byte = static_cast<unsigned char>(source());
}

AnswerKey AnswerKeys::digest(const void* data, std::size_t size) const {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(data, size, secret_.data(), secret_.size());
  return {hash.high64, hash.low64};
}

AnswerKey AnswerKeys::of(const Work& work, const Work::Text& text) const {
  // A parameter that is added to one of the two and not here does not compile.
  const auto& [top_k, doc_stride, max_seq_len, max_answer_len, max_question_len, impossible,
               align] = work.qa;
  const auto& [function, max_length, truncate, normalize] = work.text_params;
  const std::string_view pair = text.pair ? std::string_view(*text.pair) : std::string_view();
  const AnswerKey of_segment = digest(work.model->segment.data(), work.model->segment.size());
  const AnswerKey of_text = digest(text.text.data(), text.text.size());
  const AnswerKey of_pair = digest(pair.data(), pair.size());
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  const std::array<std::uint64_t, 22> all{of_segment.high,
                                          of_segment.low,
                                          work.model->segment.size(),
                                          of_text.high,
                                          of_text.low,
                                          text.text.size(),
                                          of_pair.high,
                                          of_pair.low,
                                          pair.size(),
                                          number(text.pair.has_value()),
                                          number(work.model->info.task),
                                          number(top_k),
                                          number(doc_stride),
                                          number(max_seq_len),
                                          number(max_answer_len),
                                          number(max_question_len),
                                          number(impossible),
                                          number(align),
                                          number(function),
                                          number(max_length),
                                          number(truncate),
                                          number(normalize)};
  return digest(all.data(), sizeof all);
}

}  // namespace onecopy::gateway
