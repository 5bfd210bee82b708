//===- WeightsFile.h - Temporary weights files ------------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_RUNTIME_WEIGHTS_FILE_H
#define WINNOW_UNITTESTS_RUNTIME_WEIGHTS_FILE_H

#include "FakeModel.h"
#include "winnow/Runtime/Hash.h"

#include <cinttypes>
#include <cstdio>
#include <string>
#include <unistd.h>

/// A weights file that can be spoiled before it is written; removed at the end.
class WeightsFile {
public:
  uint64_t buildId[2] = {FAKE_BUILD_ID_0, FAKE_BUILD_ID_1};
  std::string data = std::string("\0\0\0\x40", 4) + // 2.0f
                     std::string(FAKE_WEIGHT_BYTES - 4, 'x');
  uint64_t dataStart = WINNOW_WEIGHTS_ALIGNMENT;
  bool withHash = true;

  WeightsFile() {
    char name[] = "/tmp/winnow-weights-XXXXXX";
    int file = mkstemp(name);
    if (file >= 0)
      close(file);
    path = name;
  }
  ~WeightsFile() { unlink(path.c_str()); }
  WeightsFile(const WeightsFile &) = delete;
  WeightsFile &operator=(const WeightsFile &) = delete;

  /// The bytes of a file with the members as they are now.
  std::string bytes() const {
    char id[40], sum[20];
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, buildId[0],
             buildId[1]);
    winnow_hash hash;
    winnow_hash_begin(&hash);
    winnow_hash_update(&hash, data.data(), data.size());
    snprintf(sum, sizeof sum, "%016" PRIx64, winnow_hash_finish(&hash));
    std::string header = std::string(WINNOW_WEIGHTS_PREFIX) + id + "\"";
    if (withHash)
      header += std::string(",") + WINNOW_WEIGHTS_HASH_KEY + sum + "\"";
    header += "}}";
    header.resize(dataStart - 8, ' ');
    std::string length(8, '\0');
    for (int i = 0; i < 8; ++i)
      length[i] = static_cast<char>(header.size() >> (8 * i));
    return length + header + data;
  }
  /// Writes `content` and returns the path.
  const char *write(const std::string &content) const {
    FILE *file = fopen(path.c_str(), "wb");
    if (file) {
      fwrite(content.data(), 1, content.size(), file);
      fclose(file);
    }
    return path.c_str();
  }
  const char *write() const { return write(bytes()); }

private:
  std::string path;
};

#endif // WINNOW_UNITTESTS_RUNTIME_WEIGHTS_FILE_H
