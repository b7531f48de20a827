// Two targets in one, by the first byte of the input:
//   even: the rest is text for tokenizers of the golden models; offsets and ids must be within
//   bounds. odd: the rest overwrites bytes of an image, which must be refused or tokenize without
//   harm.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "host/publish/tokenizer/build_tokenizer.h"
#include "shared/base/utf8.h"
#include "shared/tokenizer/tokenizer.h"

namespace {

using namespace onecopy;  // NOLINT: a program of one file

void require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<std::vector<std::byte>>& images() {
  static const std::vector<std::vector<std::byte>> all = [] {
    std::vector<std::vector<std::byte>> made;
    for (const char* model :
         {"tiny-bert-qa", "tiny-bert-cased-qa", "tiny-roberta-qa", "tiny-roberta-cls"}) {
      const auto built = build_tokenizer(std::filesystem::path(ONECOPY_SOURCE_DIR) /
                                         "tests/golden/models" / model);
      require(built.has_value());
      made.push_back(built->image);
    }
    return made;
  }();
  return all;
}

std::uint32_t count_characters(std::string_view text) {
  std::uint32_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += utf8::decode(text, at).bytes;
  return count;
}

void tokenize(const Tokenizer& tokenizer, std::string_view text, bool whole_image) {
  Encoding out;
  const Status status = tokenizer.encode(text, out);
  require(status.has_value() == (utf8::valid_prefix(text) == text.size()));
  if (!status) return;
  Tokens tokens;
  const EncodingView view(out);
  tokenizer.assemble(view, &view, tokens);
  const std::uint32_t characters = count_characters(text);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    require(static_cast<std::uint32_t>(tokens.ids[i]) < tokenizer.vocab_size());
    if (whole_image)
      require(tokens.offsets[i].start <= tokens.offsets[i].end &&
              tokens.offsets[i].end <= characters);
  }
  EncodingView cut(out);
  if (truncate(cut, nullptr, 2, 9, Truncation::kLongestFirst)) require(cut.size() <= 7);
}

// Input: pairs of a 16-bit position, folded into the image, and the byte that goes there.
void tokenize_with_changes(std::vector<std::byte> image, const std::uint8_t* data,
                           std::size_t size) {
  for (std::size_t i = 0; i + 3 <= size; i += 3) {
    std::uint16_t position;
    std::memcpy(&position, data + i, 2);
    // Half of the changes go to the header, whose fields decide most.
    const std::size_t range = i % 2 == 0 ? 208 : image.size();
    image[(position * std::size_t{257}) % range] = static_cast<std::byte>(data[i + 2]);
  }
  const auto tokenizer = Tokenizer::from_image(image);
  if (tokenizer)
    tokenize(*tokenizer, "Grüße  the School's <mask> [CLS] 图书馆 e\u0301\u0323 1,000", false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto& image = images()[data[0] / 2 % images().size()];
  if (data[0] % 2 == 1) {
    tokenize_with_changes(image, data + 1, size - 1);
  } else {
    tokenize(Tokenizer::from_image(image).value(),
             {reinterpret_cast<const char*>(data + 1), size - 1}, true);
  }
  return 0;
}
