//===- Profile.h - Where the time of an artifact goes -----------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_PROFILE_H
#define WINNOW_TOOLS_WINNOW_RUN_PROFILE_H

#include "Artifact.h"
#include "Json.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace winnow {
namespace run {

/// The work of a stage: operations on reals and on 8-bit integers, and bytes of
/// weights and caches that have to move.
struct StageWork {
  double operations = 0, integerOperations = 0, bytes = 0;
};

/// What the manifest says of a stage of an entry point.
struct StageInfo {
  /// A polynomial in rows and keys; see StageRecord.h of the compiler.
  struct Cost {
    int64_t rows, keys, window;
    bool past, integer;
    std::array<double, 3> operations, bytes;
  };
  std::string name;    ///< of the first op
  std::string kernels; ///< what runs
  std::vector<Cost> costs;

  /// With these dimensions and this many tokens in the caches.
  StageWork work(const std::vector<int64_t> &dims, int64_t past) const;
};

struct EntryInfo {
  std::string name;
  size_t dims = 0;
  std::vector<StageInfo> stages;
};

/// Reads "entries" of a manifest. Nothing, and a message, where it has no
/// stages.
std::optional<std::vector<EntryInfo>> readStages(const Json &manifest,
                                                 std::string &error);

/// Collects when each thread of a session comes to a stage and leaves it.
class Profile {
public:
  /// From now on `session` is watched, which must outlive the profile. The
  /// report goes to `path`, which is created now; where that is empty, nothing
  /// is watched nor reported.
  static std::unique_ptr<Profile> attach(const Artifact &artifact,
                                         Session &session,
                                         const std::string &path,
                                         std::string &error);
  ~Profile();
  Profile(const Profile &) = delete;
  Profile &operator=(const Profile &) = delete;

  /// Stops watching, measures what this machine can do at most, writes the
  /// trace (Chrome's trace-event format) and prints a table to standard error.
  bool finish(std::string &error);

private:
  struct Call {
    const EntryInfo *entry;
    std::vector<int64_t> dims;
    int64_t past;
  };
  struct Event {
    double begin, end; ///< seconds since the profile began
    uint32_t call;
    int32_t stage;
  };
  /// What one thread notes; nobody else writes there.
  struct alignas(64) Thread {
    std::vector<Event> events;
    double begin = 0;
    uint32_t calls = 0;
  };

  Profile(const Artifact &artifact, Session &session)
      : artifact(artifact), session(session) {}
  static void callback(void *context, const winnow_stage *stage);
  void note(const winnow_stage &stage);
  double seconds() const;
  const StageInfo *infoOf(const Event &event) const;
  bool writeTrace(std::string &error);
  void printTable() const;

  const Artifact &artifact;
  Session &session;
  std::string path;
  std::FILE *file = nullptr;
  std::vector<EntryInfo> entries;
  std::vector<Thread> threads;
  std::vector<Call> calls; ///< thread 0 writes them
  double start = 0;
};

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_PROFILE_H
