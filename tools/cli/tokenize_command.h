// `onecopy tokenize DIR`: what a model folder's tokenizer makes of texts, to compare with Hugging
// Face.
#pragma once

#include <filesystem>

namespace onecopy::tools {

// Reads lines {"text": ..., "pair": ...} from stdin until its end, writes a line {"ids": ...,
// "type_ids": ..., "offsets": ...} to stdout for each; "pair" may be missing, null or empty: one
// text then. Other fields are ignored, so golden rows can be fed as they are. A line that is not
// like that gets {"error": ...} in its place. Blank lines are skipped.
// Returns the exit code: 0, or 1 where the folder has no usable tokenizer (said on stderr) or a
// line was wrong.
int run_tokenize(const std::filesystem::path& folder);

}  // namespace onecopy::tools
