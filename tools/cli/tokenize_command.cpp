#include "tools/cli/tokenize_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "host/publish/tokenizer/build_tokenizer.h"
#include "shared/base/json.h"
#include "shared/base/limits.h"
#include "shared/tokenizer/tokenizer.h"

namespace onecopy::tools {

namespace {

struct Request {
  std::string text;
  std::string pair;
};

Result<Request> read_request(const std::string& line) {
  ASSIGN_OR_RETURN(const Json json, parse_json(line, {.depth = limits::kRequestJsonDepth}));
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the line must be a JSON object");
  if (!json.contains("text") || !json.at("text").is_string()) {
    return fail(ErrorCode::kInvalidArgument, "\"text\": must be a string");
  }
  const Json pair = json.value("pair", Json());
  if (!pair.is_string() && !pair.is_null())
    return fail(ErrorCode::kInvalidArgument, "\"pair\": must be a string");
  return Request{json.at("text").get<std::string>(), pair.is_null() ? "" : pair.get<std::string>()};
}

// Keeps its buffers from line to line.
class LineTokenizer {
 public:
  explicit LineTokenizer(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // Appends the reply and a newline to `out`.
  Status reply(const std::string& line, fmt::memory_buffer& out) {
    ASSIGN_OR_RETURN(const Request request, read_request(line));
    RETURN_IF_ERROR(tokenizer_.encode(request.text, text_));
    RETURN_IF_ERROR(tokenizer_.encode(request.pair, pair_));
    const EncodingView pair(pair_);
    tokenizer_.assemble(text_, request.pair.empty() ? nullptr : &pair, tokens_);
    fmt::format_to(std::back_inserter(out), "{{\"ids\":[{}],\"type_ids\":[{}],\"offsets\":[",
                   fmt::join(tokens_.ids, ","), fmt::join(tokens_.type_ids, ","));
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      fmt::format_to(std::back_inserter(out), "{}[{},{}]", i == 0 ? "" : ",",
                     tokens_.offsets[i].start, tokens_.offsets[i].end);
    }
    fmt::format_to(std::back_inserter(out), "]}}\n");
    return {};
  }

 private:
  const Tokenizer& tokenizer_;
  Encoding text_, pair_;
  Tokens tokens_;
};

std::string error_line(const Error& error) {
  return Json{{"error", error.text}}.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<BuiltTokenizer> load(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return fail(ErrorCode::kNotFound,
                "{}: no such folder; name one with a tokenizer.json or vocab.txt", folder.string());
  }
  return build_tokenizer(folder);
}

}  // namespace

int run_tokenize(const std::filesystem::path& folder) {
  const Result<BuiltTokenizer> built = load(folder);
  const Result<Tokenizer> tokenizer = built
                                          ? Tokenizer::from_image(built->image)
                                          : Result<Tokenizer>(tl::unexpected<Error>(built.error()));
  if (!tokenizer) {
    fmt::print(stderr, "onecopy: {}\n", tokenizer.error().text);
    return 1;
  }
  std::ios::sync_with_stdio(false);
  LineTokenizer lines(*tokenizer);
  fmt::memory_buffer out;
  bool all_good = true;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    out.clear();
    if (const Status status = lines.reply(line, out); !status) {
      all_good = false;
      const std::string text = error_line(status.error());
      out.clear();
      out.append(text.data(), text.data() + text.size());
    }
    std::cout.write(out.data(), static_cast<std::streamsize>(out.size()));
    if (std::cin.rdbuf()->in_avail() == 0) std::cout.flush();  // someone may wait for this reply
  }
  std::cout.flush();
  if (!std::cout) {
    fmt::print(stderr, "onecopy: cannot write to standard output\n");
    return 1;
  }
  return all_good ? 0 : 1;
}

}  // namespace onecopy::tools
