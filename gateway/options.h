// The gateway's command line: descriptors that it inherits from the host, and the cores that the
// workers may use.
#pragma once

#include "shared/base/status.h"

namespace onecopy::gateway {

struct Options {
  int control = -1;
  int listen = -1;
  int management_listen = -1;  // -1: no management port
  int cores = 1;
};

Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace onecopy::gateway
