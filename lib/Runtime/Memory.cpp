//===- Memory.cpp - Objects and reserved address space --------------------===//

#include "Memory.h"

#include <sys/mman.h>

namespace winnow {
namespace runtime {

bool Region::reserve(size_t bytes, bool hugePages) {
  release();
  if (bytes == 0)
    return true;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return false;
  if (hugePages)
    madvise(memory, bytes, MADV_HUGEPAGE); // a wish: failure costs only speed
  data = static_cast<uint8_t *>(memory);
  size = bytes;
  return true;
}

void Region::release() {
  if (data)
    munmap(data, size);
  data = nullptr;
  size = 0;
}

} // namespace runtime
} // namespace winnow
