// The gateway's command line: what the host cannot tell it over their connection.
#pragma once

#include "shared/base/status.h"

namespace onecopy::gateway {

struct Options {
  int rendezvous = -1;  // inherited: the socket at which the host connects
  int cores = 1;        // that the workers may use together
  bool ends_with_host = false;
  int answer_cache_mb = 0;
};

Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace onecopy::gateway
