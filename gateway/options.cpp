#include "gateway/options.h"

#include <charconv>
#include <string_view>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

constexpr int kFewestDescriptor = 3;  // those below are the standard streams
constexpr int kMostDescriptor = 1 << 20;

bool parse_number(std::string_view text, int& to, int least, int most) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size() && to >= least && to <= most;
}

bool parse_option(std::string_view name, std::string_view value, Options& options) {
  if (name == "--rendezvous") {
    return parse_number(value, options.rendezvous, kFewestDescriptor, kMostDescriptor);
  }
  if (name == "--cores") return parse_number(value, options.cores, 1, limits::kCores);
  if (name == "--answer-cache-mb") {
    return parse_number(value, options.answer_cache_mb, 0, limits::kMostAnswerCacheMb);
  }
  if (name != "--orphans" || (value != "keep" && value != "end")) return false;
  options.ends_with_host = value == "end";
  return true;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !parse_option(argv[i], argv[i + 1], options)) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: expected --rendezvous FD [--cores N] [--orphans keep|end] "
                  "[--answer-cache-mb N]; start the server with onecopy serve",
                  argv[i]);
    }
  }
  if (options.rendezvous < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "onecopy-gateway is started by onecopy serve, not by hand");
  }
  return options;
}

}  // namespace onecopy::gateway
