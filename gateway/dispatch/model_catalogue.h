// The models that can be asked, by name and version.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::gateway {

// One version of a model, as workers and routes need it. Requests under way keep theirs alive.
struct Model {
  std::string name;
  std::uint32_t version = 1;
  std::string segment;
  ModelInfo info;
};
using ModelPtr = std::shared_ptr<const Model>;

// Reads what a segment says about its model: Segment::open outside of tests.
using ReadModelInfo = std::function<Result<ModelInfo>(const std::string& segment)>;
Result<ModelInfo> read_model_info(const std::string& segment);

// Class ModelCatalogue: a plain table. One thread.
class ModelCatalogue {
 public:
  // Adds a version or replaces the same version. The first version of a name is its default.
  void add(Model model);

  // The default version unless one is named; kNotFound says which names or versions there are.
  Result<ModelPtr> find(std::string_view name, std::optional<std::uint32_t> version = {}) const;
  // The default versions of the models with this task, by name.
  std::vector<ModelPtr> with_task(Task task) const;

 private:
  struct Versions {
    std::uint32_t default_version = 1;
    std::map<std::uint32_t, ModelPtr> by_number;
  };
  std::map<std::string, Versions, std::less<>> models_;
};

}  // namespace onecopy::gateway
