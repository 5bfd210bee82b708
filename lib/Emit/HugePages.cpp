//===- HugePages.cpp - Large pages for a file that is being written -------===//
//
// Linux chooses the size of a page of the file cache when it first needs it:
// for a write from the length and the alignment of that write, for a mapping
// that was advised so in 2 MB. Pieces of weights start anywhere, so the pages
// are made through a mapping first, from the hole that is to be written.
//
//===----------------------------------------------------------------------===//

#include "HugePages.h"

#include "llvm/Support/MathExtras.h"

#include <sys/mman.h>

// Linux 5.14; older headers do not have it.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

static constexpr uint64_t kHugePage = 2 << 20;

void winnow::prepareHugePages(int descriptor, uint64_t offset, uint64_t size) {
  uint64_t end = llvm::alignTo(offset + size, kHugePage);
  // One window at a time, so that the mapping never counts for much memory.
  for (uint64_t at = llvm::alignDown(offset, kHugePage); at < end;
       at += kHugePage) {
    void *window = ::mmap(nullptr, kHugePage, PROT_READ, MAP_SHARED, descriptor,
                          static_cast<off_t>(at));
    if (window == MAP_FAILED)
      return;
    if (::madvise(window, kHugePage, MADV_HUGEPAGE) == 0)
      ::madvise(window, kHugePage, MADV_POPULATE_READ);
    ::munmap(window, kHugePage);
  }
}
