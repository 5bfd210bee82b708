//===- HugePages.h - Large pages for a file that is being written -*- C++ -*-=//

#ifndef WINNOW_LIB_EMIT_HUGEPAGES_H
#define WINNOW_LIB_EMIT_HUGEPAGES_H

#include <cstdint>

namespace winnow {

/// Asks the system to keep the bytes [offset, offset + size) of a file, which
/// are about to be written, in pages of 2 MB, where its file system can. Who
/// maps the file while it is still in memory then gets these pages, and reading
/// weights costs fewer address translations. The file has its final size
/// already. A hint: nothing fails, and the bytes do not depend on it.
void prepareHugePages(int descriptor, uint64_t offset, uint64_t size);

} // namespace winnow

#endif // WINNOW_LIB_EMIT_HUGEPAGES_H
