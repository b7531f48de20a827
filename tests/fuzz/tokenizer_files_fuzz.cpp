// Any bytes as the files of a tokenizer: read and compiled to an image that a tokenizer opens, or
// refused. The input is up to five files, one behind the other with a 0 byte between them, in the
// order of kFiles; an empty one is not there.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "host/publish/tokenizer/build_tokenizer.h"
#include "shared/base/text_parts.h"
#include "shared/tokenizer/tokenizer.h"

namespace {

constexpr std::array kFiles = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                               "added_tokens.json", "vocab.txt"};

// In memory, and gone at the end.
struct Folder {
  Folder() {
    char name[] = "/dev/shm/onecopy_tokenizer_files_fuzz.XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* file : kFiles) {
    const std::string_view text = onecopy::take_part(rest, '\0');
    std::filesystem::remove(folder.path / file);
    if (!text.empty()) std::ofstream(folder.path / file, std::ios::binary) << text;
  }
  const auto built = onecopy::build_tokenizer(folder.path);
  // What the host publishes must be what a worker takes.
  if (built && !onecopy::Tokenizer::from_image(built->image)) std::abort();
  return 0;
}
