//===- Memory.cpp - Objects and reserved address space --------------------===//

#include "Memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace winnow {
namespace runtime {

static constexpr size_t kPage = 4096;

bool Allocator::assign(const winnow_allocator *given) {
  functions = given ? *given : winnow_allocator{};
  return !functions.allocate == !functions.release;
}

/// Page-aligned memory is address space of its own; the rest comes from the
/// heap.
static bool isMapped(size_t size) { return size >= kPage; }

void *Allocator::allocate(size_t size, size_t alignment, bool hugePages) const {
  if (functions.allocate) {
    void *data = functions.allocate(functions.context, size, alignment);
    if (reinterpret_cast<uintptr_t>(data) % alignment == 0)
      return data;
    // Kernels would crash on it.
    functions.release(functions.context, data, size);
    return nullptr;
  }
  if (isMapped(size)) {
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      return nullptr;
    if (hugePages)
      madvise(memory, size, MADV_HUGEPAGE); // a wish: failure costs only speed
    return memory;
  }
  void *memory = nullptr;
  if (posix_memalign(&memory,
                     alignment < sizeof(void *) ? sizeof(void *) : alignment,
                     size) != 0)
    return nullptr;
  return memset(memory, 0, size);
}

void Allocator::release(void *data, size_t size) const {
  if (functions.release)
    functions.release(functions.context, data, size);
  else if (isMapped(size))
    munmap(data, size);
  else
    free(data);
}

bool Region::reserve(const Allocator &source, size_t bytes, bool hugePages) {
  release();
  if (bytes == 0)
    return true;
  data = static_cast<uint8_t *>(source.allocate(bytes, kPage, hugePages));
  if (!data)
    return false;
  size = bytes;
  allocator = &source;
  return true;
}

void Region::release() {
  if (data)
    allocator->release(data, size);
  data = nullptr;
  size = 0;
}

} // namespace runtime
} // namespace winnow
