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

#include "gateway/dispatch/traffic.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/registry_snapshot.h"
#include "shared/segment/model_info.h"

namespace onecopy::gateway {

// A segment as an open file, for the workers. Shared by the versions that need it, closed with the
// last.
struct OpenSegment {
  std::string name;
  UniqueFd fd;
};
using OpenSegmentPtr = std::shared_ptr<const OpenSegment>;

// What became of a version's requests since the gateway started.
struct Usage {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // of these
  std::uint64_t shadow_requests = 0;
  std::uint64_t shadow_errors = 0;
  std::uint64_t shadows_dropped = 0;  // workers had other work

  void count(bool is_shadow, bool is_error) {
    ++(is_shadow ? shadow_requests : requests);
    if (is_error) ++(is_shadow ? shadow_errors : errors);
  }
};

// One version of a model, as workers and routes need it. Requests under way keep theirs alive.
struct Model {
  std::string name;
  std::uint32_t version = 1;
  std::string segment;
  ModelInfo info;
  std::vector<OpenSegmentPtr> files;  // those that it borrows from, its own last
  ModelEntry entry;                   // what the host says of it
  mutable Usage usage;
};
using ModelPtr = std::shared_ptr<const Model>;

// A name's versions, as management shows them.
struct Versions {
  std::uint32_t default_version = 1;
  std::map<std::uint32_t, ModelPtr> by_number;  // at least one
  std::optional<TrafficEntry> traffic;
};

// Who serves a request that named no version.
struct Choice {
  ModelPtr model;
  std::vector<ModelPtr> shadows;  // who gets a copy of it
};
// The value of a header of the request.
using HeaderLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

// Class ModelCatalogue: a plain table. One thread.
class ModelCatalogue {
 public:
  using Table = std::map<std::string, Versions, std::less<>>;

  const Table& all() const { return table_; }
  // The next requests are answered by these.
  void replace(Table table) { table_ = std::move(table); }

  // kNotFound says which names there are.
  Result<const Versions*> versions_of(std::string_view name) const;
  // The default version unless one is named; kNotFound says which names or versions there are.
  Result<ModelPtr> find(std::string_view name, std::optional<std::uint32_t> version = {}) const;
  // By the name's traffic shares; its default version where it has none.
  Result<Choice> choose(std::string_view name, const HeaderLookup& header_of);
  // The default versions of the models with this task, by name.
  std::vector<ModelPtr> with_task(Task task) const;

 private:
  Table table_;
  TrafficSplitter splitter_;
};

}  // namespace onecopy::gateway
