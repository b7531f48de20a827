// Which tensors are published, so that a model that is loaded later borrows equal ones instead of
// storing them again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace onecopy::host {

// A published segment's name. The destructor removes the name (processes that map the segment keep
// the memory until they let go). A segment that borrows keeps the ones it borrows from alive, so
// their names stay for as long as a worker may have to attach it. Never copied into a forked child:
// its destructor would remove the name there.
class PublishedSegment {
 public:
  using Pointer = std::shared_ptr<const PublishedSegment>;
  // `pages`: the writer's mapping, kept so that no page counts as private to the one worker that
  // happens to use it (and a look at the host shows what it holds).
  PublishedSegment(std::string name, std::vector<Pointer> borrows_from,
                   std::shared_ptr<const void> pages = {})
      : name_(std::move(name)), borrows_from_(std::move(borrows_from)), pages_(std::move(pages)) {}
  ~PublishedSegment();
  PublishedSegment(const PublishedSegment&) = delete;
  PublishedSegment& operator=(const PublishedSegment&) = delete;

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::vector<Pointer> borrows_from_;
  std::shared_ptr<const void> pages_;
};

// Sampled content of a tensor: equal tensors have equal fingerprints, others nearly never. Only a
// hint: nothing is shared before all its packed bytes have been compared.
struct Fingerprint {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Fingerprint&) const = default;
};

// Class TensorCatalogue: lives in the host process for as long as it serves; owns no segment (it
// forgets one when its last owner lets go). All methods may be called from any thread.
class TensorCatalogue {
 public:
  struct Location {
    PublishedSegment::Pointer segment;  // keeps the name alive while the caller compares
    std::string tensor;
  };

  void add(const Fingerprint& fingerprint, const PublishedSegment::Pointer& segment,
           std::string tensor);

  // Published tensors with this fingerprint, the oldest first; at most a few, so that a hostile
  // file with many look-alikes cannot make loading slow.
  std::vector<Location> find(const Fingerprint& fingerprint);

 private:
  struct Known {
    std::weak_ptr<const PublishedSegment> segment;
    std::string tensor;
  };
  std::mutex mutex_;
  std::multimap<Fingerprint, Known> known_;
};

}  // namespace onecopy::host
