#include "worker/answer/model_input.h"

#include <algorithm>

namespace onecopy::worker {
namespace {

std::size_t longest(const ModelInfo& info, const TextParams& params) {
  if (params.max_length < 0) return info.max_tokens;
  return std::min<std::size_t>(static_cast<std::size_t>(params.max_length), usable_positions(info));
}

}  // namespace

Result<Tokens> model_input(const ServedModel& served, const WorkRequest& request) {
  const Tokenizer& tokenizer = served.tokenizer;
  const bool has_pair = request.pair && !request.pair->empty();
  Encoding first;
  Encoding second;
  if (auto ok = tokenizer.encode(request.text, first); !ok) return in_context("text", ok.error());
  if (has_pair) {
    if (auto ok = tokenizer.encode(*request.pair, second); !ok)
      return in_context("text_pair", ok.error());
  }
  EncodingView a(first);
  EncodingView b(second);
  EncodingView* const pair = has_pair ? &b : nullptr;
  const std::size_t specials = tokenizer.special_count(has_pair);
  const std::size_t count = a.size() + b.size() + specials;
  if (request.text_params.truncate != 0) {
    const std::size_t most = longest(served.info(), request.text_params);
    RETURN_IF_ERROR(truncate(a, pair, specials, most, Truncation::kLongestFirst));
  } else if (count > usable_positions(served.info())) {
    return fail(ErrorCode::kInvalidArgument,
                "text: {} tokens, but {} takes at most {}; shorten it or leave truncation on",
                count, served.info().name, usable_positions(served.info()));
  }
  Tokens tokens;
  tokenizer.assemble(a, pair, tokens);
  return tokens;
}

}  // namespace onecopy::worker
