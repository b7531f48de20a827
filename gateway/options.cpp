#include "gateway/options.h"

#include <charconv>
#include <string_view>

namespace onecopy::gateway {
namespace {

constexpr int kMaxDescriptor = 1 << 20;

bool parse_descriptor(std::string_view text, int& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size() && to > 2 && to < kMaxDescriptor;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    int* const to = name == "--control"             ? &options.control
                    : name == "--listen"            ? &options.listen
                    : name == "--management-listen" ? &options.management_listen
                                                    : nullptr;
    if (to == nullptr || i + 1 == argc || !parse_descriptor(argv[i + 1], *to)) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: expected --control FD --listen FD "
                  "[--management-listen FD]; start the server with onecopy serve",
                  name);
    }
  }
  if (options.control < 0 || options.listen < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "onecopy-gateway is started by onecopy serve, not by hand");
  }
  return options;
}

}  // namespace onecopy::gateway
