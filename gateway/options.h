// The gateway's command line: descriptors that it inherits from the host.
#pragma once

#include "shared/status.h"

namespace onecopy::gateway {

struct Options {
  int control = -1;
  int listen = -1;
  int management_listen = -1;  // -1: no management port
};

Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace onecopy::gateway
