#include "host/publish/fingerprint.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <memory>

#include "host/publish/convert.h"

namespace onecopy::host {
namespace {

constexpr std::size_t kPlaces = 32;
constexpr std::size_t kRun = 16;  // floats: a cache line

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Class Hasher: a running hash of what it is given.
class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) { XXH3_128bits_reset(state_.get()); }
  template <class T>
  void add(std::span<const T> items) {
    XXH3_128bits_update(state_.get(), items.data(), items.size_bytes());
  }
  template <class T>
  void add_value(const T& value) {
    add(std::span<const T>(&value, 1));
  }
  Fingerprint result() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  std::unique_ptr<XXH3_state_t, FreeState> state_;
};

Status add_run(Hasher& hasher, const TensorRef& ref, std::size_t first, std::size_t count) {
  std::array<std::byte, kRun * sizeof(float)> raw;
  std::array<float, kRun> floats;
  const std::size_t element = element_bytes(ref.tensor->type);
  const std::span<std::byte> bytes(raw.data(), count * element);
  RETURN_IF_ERROR(ref.file->read(ref.tensor->offset + first * element, bytes));
  const std::span<float> values(floats.data(), count);
  widen(ref.tensor->type, bytes, values);
  hasher.add(std::span<const float>(values));
  return {};
}

// Runs from the first element to the last, evenly spaced; all of a tensor that is no larger than
// them.
Status add_samples(Hasher& hasher, const TensorRef& ref) {
  const std::size_t size = ref.tensor->bytes / element_bytes(ref.tensor->type);
  const std::size_t places = std::min(kPlaces, (size + kRun - 1) / kRun);
  const std::size_t last = size - std::min(size, kRun);  // first element of the last run
  for (std::size_t i = 0; i < places; ++i) {
    const std::size_t first = places == 1 ? 0 : last * i / (places - 1);
    RETURN_IF_ERROR(add_run(hasher, ref, first, std::min(kRun, size)));
  }
  return {};
}

}  // namespace

Result<Fingerprint> fingerprint(const PlannedTensor& tensor) {
  Hasher hasher;
  hasher.add_value(tensor.plan.layout);
  hasher.add_value(tensor.plan.dtype);
  hasher.add_value(tensor.plan.rows);
  hasher.add_value(tensor.plan.cols);
  RETURN_IF_ERROR(add_samples(hasher, tensor.source));
  if (tensor.lora) {
    RETURN_IF_ERROR(add_samples(hasher, tensor.lora->a));
    RETURN_IF_ERROR(add_samples(hasher, tensor.lora->b));
    hasher.add_value(tensor.lora->scaling);
  }
  return hasher.result();
}

}  // namespace onecopy::host
