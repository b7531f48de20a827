// Golden models with changed tokenizer files: variants.jsonl, which make_variants.py writes with
// transformers.
#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

void apply(const Json& variant, TempFolder& folder) {
  folder.copy_golden(variant.at("model"));
  for (const Json& file : variant.at("remove")) folder.remove(file);
  for (const auto& [file, patch] : variant.at("patch").items()) {
    Json value = folder.read(file);
    value.merge_patch(patch);
    folder.write(file, value.dump());
  }
}

TEST(TokenizerVariants, GiveWhatTransformersGives) {
  const std::vector<Json> variants = read_lines(std::filesystem::path(ONECOPY_SOURCE_DIR) /
                                                "tests/shared/tokenizer/variants.jsonl");
  ASSERT_GT(variants.size(), 30u);
  for (const Json& variant : variants) {
    TempFolder folder;
    apply(variant, folder);
    const std::string what =
        Json{variant.at("model"), variant.at("remove"), variant.at("patch")}.dump();
    SCOPED_TRACE(what.substr(0, 300));
    const LoadedTokenizer tokenizer(folder.path());
    for (const Json& row : variant.at("rows")) expect_row(tokenizer, row);
  }
}

}  // namespace
}  // namespace onecopy
