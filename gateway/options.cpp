#include "gateway/options.h"

#include <charconv>
#include <string_view>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

constexpr int kMaxDescriptor = 1 << 20;

// A number of an option, and where it goes.
struct Number {
  int* to;
  int least;
  int most;
};

Number number_named(std::string_view name, Options& options) {
  constexpr int kFewest = 3;  // descriptors below are the standard streams
  if (name == "--control") return {&options.control, kFewest, kMaxDescriptor};
  if (name == "--listen") return {&options.listen, kFewest, kMaxDescriptor};
  if (name == "--management-listen") return {&options.management_listen, kFewest, kMaxDescriptor};
  if (name == "--cores") return {&options.cores, 1, limits::kCores};
  return {nullptr, 0, 0};
}

bool parse(std::string_view text, const Number& number) {
  if (number.to == nullptr) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number.to);
  return error == std::errc() && end == text.data() + text.size() && *number.to >= number.least &&
         *number.to <= number.most;
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc || !parse(argv[i + 1], number_named(name, options))) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: expected --control FD --listen FD "
                  "[--management-listen FD] [--cores N]; start the server with onecopy serve",
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
