// How far the gateway is, for health checks and for those who ask too early.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace onecopy::gateway {

// A value that the Gateway keeps up to date.
struct Lifecycle {
  struct FailedModel {
    std::string name;
    std::uint32_t version = 1;
    std::string error;
  };
  bool has_models = false;          // a registry with models has come: loading is over
  std::vector<FailedModel> failed;  // that the last registry names and that could not be opened
  bool draining = false;            // nothing new is taken
};

}  // namespace onecopy::gateway
