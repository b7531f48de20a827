// From the registry that the host sends to the models that requests can be for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dispatch/model_catalogue.h"
#include "shared/protocol/host_link.h"
#include "shared/protocol/kept_state.h"

namespace onecopy::gateway {

// What the gateway reads from a segment.
struct SegmentFacts {
  ModelInfo info;
  std::vector<std::string> borrows_from;
};
using ReadSegment = std::function<Result<SegmentFacts>(const std::string& name, int fd)>;
Result<SegmentFacts> read_segment(const std::string& name, int fd);

// Class OpenModels: keeps each version's Model for as long as its segment stays the same, so that a
// change of one model does not touch the others. One thread.
class OpenModels {
 public:
  // `released` hears the segment of a version whose last user is gone.
  OpenModels(ReadSegment read, std::function<void(const std::string& segment)> released)
      : read_(std::move(read)), released_(std::make_shared<Released>(std::move(released))) {}
  ~OpenModels() {
    *released_ = [](const std::string& /*segment*/) {};
  }
  OpenModels(const OpenModels&) = delete;
  OpenModels& operator=(const OpenModels&) = delete;

  // Puts what the registry names into the catalogue, as one change. What could not be opened is
  // returned and not there; the last good version of a segment of the same name stays in use.
  std::vector<FailedSegment> apply(const RegistrySnapshot& registry, const KeptState& kept,
                                   ModelCatalogue& catalogue);

 private:
  using Released = std::function<void(const std::string& segment)>;
  Result<ModelPtr> open(const ModelEntry& entry, const KeptState& kept,
                        const ModelCatalogue& catalogue);
  Result<OpenSegmentPtr> open_segment(const std::string& name, const KeptState& kept);

  ReadSegment read_;
  std::shared_ptr<Released> released_;  // models may outlive this
  std::map<std::string, std::weak_ptr<const OpenSegment>, std::less<>> segments_;
};

}  // namespace onecopy::gateway
