// Scratch floats aligned for vector loads.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace onecopy::worker::kernels {

// Class AlignedBuffer: owns 64-byte aligned floats that keep their capacity. Contents are undefined
// after a call of reserve that grew it.
class AlignedBuffer {
 public:
  // At least `count` floats; never shrinks. Throws std::bad_alloc.
  float* reserve(std::size_t count) {
    if (count > capacity_) {
      data_.reset();
      capacity_ = 0;
      const std::size_t bytes = (count * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
      data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
      if (!data_) throw std::bad_alloc();
      capacity_ = count;
    }
    return data_.get();
  }
  float* data() { return data_.get(); }
  std::size_t bytes() const { return capacity_ * sizeof(float); }

 private:
  static constexpr std::size_t kAlignment = 64;
  struct Free {
    void operator()(float* pointer) const { std::free(pointer); }
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace onecopy::worker::kernels
