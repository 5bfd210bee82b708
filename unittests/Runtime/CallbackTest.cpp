//===- CallbackTest.cpp - Allocators, cancellation, logs ------------------===//

#include "SessionFixture.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

/// Counts what is allocated, and can refuse the n-th allocation.
struct Ledger {
  std::map<void *, size_t> live;
  size_t calls = 0;
  size_t refused = 0; ///< 1: the first; 0: none
  size_t skew = 0;    ///< added to every address

  winnow_allocator allocator() { return {this, allocate, release}; }

  static void *allocate(void *context, size_t size, size_t alignment) {
    Ledger &ledger = *static_cast<Ledger *>(context);
    EXPECT_GT(size, 0u);
    EXPECT_LE(alignment, 4096u);
    if (++ledger.calls == ledger.refused)
      return nullptr;
    void *data = nullptr;
    if (posix_memalign(&data, 4096, size + 4096))
      return nullptr;
    std::memset(data, 0, size + 4096);
    data = static_cast<char *>(data) + ledger.skew;
    ledger.live[data] = size;
    return data;
  }
  static void release(void *context, void *data, size_t size) {
    Ledger &ledger = *static_cast<Ledger *>(context);
    auto it = ledger.live.find(data);
    ASSERT_NE(it, ledger.live.end()) << "released twice or never allocated";
    EXPECT_EQ(it->second, size);
    ledger.live.erase(it);
    free(static_cast<char *>(data) - ledger.skew);
  }
};

class Callbacks : public SessionFixture {
protected:
  /// Everything that allocates: opens a model, makes a session, computes,
  /// invokes, saves, loads. Returns the first failure.
  winnow_status useAll(const winnow_allocator &allocator) {
    winnow_model_options options = {};
    options.struct_size = sizeof options;
    options.allocator = &allocator;
    winnow_model *mine = nullptr;
    winnow_session *own = nullptr;
    winnow_status status = api->open_with_options(
        WINNOW_ABI_VERSION, file.write(), &options, &mine, &error);
    winnow_session_options sessionOptions = sized();
    sessionOptions.threads = 3;
    sessionOptions.piece = 8;
    sessionOptions.cancel = [](void *) { return 0; };
    if (status == WINNOW_OK)
      status = api->session_create(mine, &sessionOptions, &own, &error);
    if (status == WINNOW_OK)
      status = useSession(own);
    api->session_destroy(own);
    api->close(mine);
    return status;
  }

  winnow_status useSession(winnow_session *own) {
    if (winnow_status status = feed(own, counting(5)))
      return status;
    std::vector<float> before = logits(own);
    winnow_status status = feed(own, counting(40, 5), WINNOW_ROWS_ALL);
    int64_t length = status == WINNOW_OK ? 45 : 5;
    std::vector<float> x(3000), y(3000);
    winnow_tensor in = {WINNOW_F32, 2, {1000, 3}, x.data()};
    winnow_tensor out = {WINNOW_F32, 2, {1000, 3}, y.data()};
    if (status == WINNOW_OK)
      status = api->invoke(own, "increment", &in, 1, &out, 1, &error);
    else
      EXPECT_EQ(logits(own), before);
    if (status == WINNOW_OK) {
      status = api->session_save(own, path.c_str(), &error);
      if (status == WINNOW_OK)
        status = api->session_load(own, path.c_str(), &error);
      unlink(path.c_str());
    }
    // Whatever failed, the session goes on.
    EXPECT_EQ(api->length(own), length);
    EXPECT_EQ(api->reset(own), WINNOW_OK);
    winnow_error again;
    EXPECT_EQ(api->decode(own, 3, &again), WINNOW_OK);
    return status;
  }

  const std::string path =
      testing::TempDir() + "winnow-callbacks-" + std::to_string(getpid());
};

} // namespace

TEST_F(Callbacks, EveryAllocationIsReleased) {
  Ledger ledger;
  EXPECT_EQ(useAll(ledger.allocator()), WINNOW_OK) << error.message;
  EXPECT_GT(ledger.calls, 20u);
  EXPECT_TRUE(ledger.live.empty());
}

TEST_F(Callbacks, AnyAllocationMayBeRefused) {
  Ledger whole;
  ASSERT_EQ(useAll(whole.allocator()), WINNOW_OK) << error.message;
  for (size_t n = 1; n <= whole.calls; ++n) {
    Ledger ledger;
    ledger.refused = n;
    EXPECT_EQ(useAll(ledger.allocator()), WINNOW_OUT_OF_MEMORY)
        << n << ": " << error.message;
    EXPECT_TRUE(ledger.live.empty()) << n;
  }
}

TEST_F(Callbacks, MisalignedMemoryIsRefused) {
  Ledger ledger;
  ledger.skew = 1;
  EXPECT_EQ(useAll(ledger.allocator()), WINNOW_OUT_OF_MEMORY);
  EXPECT_TRUE(ledger.live.empty());
}

TEST_F(Callbacks, TheSessionsOwnAllocator) {
  Ledger ledger;
  winnow_allocator allocator = ledger.allocator();
  winnow_session_options options = sized();
  options.allocator = &allocator;
  session = create(options);
  allocator = {}; // it has been copied
  EXPECT_EQ(feed(session, counting(40), WINNOW_ROWS_ALL), WINNOW_OK);
  EXPECT_FALSE(ledger.live.empty());
  api->session_destroy(session);
  session = nullptr;
  EXPECT_TRUE(ledger.live.empty());
}

TEST_F(Callbacks, HalfAnAllocatorIsRefused) {
  Ledger ledger;
  winnow_allocator half = ledger.allocator();
  half.release = nullptr;
  EXPECT_EQ(useAll(half), WINNOW_INVALID_ARGUMENT);
  winnow_session_options options = sized();
  options.allocator = &half;
  EXPECT_EQ(api->session_create(model, &options, &session, &error),
            WINNOW_INVALID_ARGUMENT);
  winnow_model_options unsized = {};
  winnow_model *none = nullptr;
  EXPECT_EQ(api->open_with_options(WINNOW_ABI_VERSION, file.write(), &unsized,
                                   &none, &error),
            WINNOW_INVALID_ARGUMENT);
}

//===----------------------------------------------------------------------===//
// Cancellation
//===----------------------------------------------------------------------===//

namespace {
/// Cancels at the n-th question.
struct Canceller {
  int asked = 0;
  int limit = 0; ///< 0: never
  static int ask(void *context) {
    Canceller &self = *static_cast<Canceller *>(context);
    return ++self.asked == self.limit;
  }
};
} // namespace

TEST_F(Callbacks, ACancelledCallLeavesTheSessionAsBefore) {
  for (int threads : {1, 3})
    for (winnow_rows rows : {WINNOW_ROWS_LAST, WINNOW_ROWS_ALL})
      for (int limit = 1; limit <= 5; ++limit) {
        Canceller canceller;
        winnow_session_options options = sized();
        options.threads = threads;
        options.piece = 7;
        options.cancel = Canceller::ask;
        options.cancel_context = &canceller;
        winnow_session *mine = create(options);
        ASSERT_EQ(feed(mine, counting(5), WINNOW_ROWS_ALL), WINNOW_OK);
        std::vector<float> before = logits(mine);
        std::string state(static_cast<size_t>(api->session_state_size(mine)),
                          'x');
        auto save = [&](std::string &into) {
          ASSERT_EQ(api->session_save_to(mine, &into[0],
                                         static_cast<int64_t>(into.size()),
                                         &error),
                    WINNOW_OK)
              << error.message;
        };
        save(state);
        canceller.asked = 0;
        canceller.limit = limit;
        // Five pieces.
        EXPECT_EQ(feed(mine, counting(33, 5), rows), WINNOW_CANCELLED);
        EXPECT_EQ(error.status, WINNOW_CANCELLED);
        EXPECT_EQ(canceller.asked, limit);
        EXPECT_EQ(api->length(mine), 5);
        EXPECT_EQ(logits(mine), before);
        std::string after = state;
        save(after);
        EXPECT_EQ(after, state);

        canceller.limit = 0;
        ASSERT_EQ(feed(mine, counting(33, 5), WINNOW_ROWS_ALL), WINNOW_OK);
        session = create();
        ASSERT_EQ(feed(session, counting(38), WINNOW_ROWS_ALL), WINNOW_OK);
        std::vector<float> whole = logits(session);
        EXPECT_EQ(logits(mine),
                  std::vector<float>(whole.begin() + 5 * FAKE_VOCABULARY,
                                     whole.end()));
        api->session_destroy(mine);
        api->session_destroy(session);
        session = nullptr;
      }
}

//===----------------------------------------------------------------------===//
// Logs and lengths
//===----------------------------------------------------------------------===//

TEST_F(Callbacks, TheLogTellsWhatHappens) {
  std::vector<std::string> lines;
  winnow_log log = [](void *context, winnow_log_level level,
                      const char *message) {
    static_cast<std::vector<std::string> *>(context)->push_back(
        std::to_string(level) + " " + message);
  };
  winnow_model_options options = {};
  options.struct_size = sizeof options;
  options.log = log;
  options.log_context = &lines;
  winnow_model *mine = nullptr;
  ASSERT_EQ(api->open_with_options(WINNOW_ABI_VERSION, file.write(), &options,
                                   &mine, &error),
            WINNOW_OK);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "0 fake: mapped 4196 bytes of weights, code for x86-64");
  winnow_session_options own = sized();
  own.threads = 1000;
  own.executor = [](void *, int32_t, void (*)(void *, int32_t, int32_t),
                    void *) {};
  ASSERT_EQ(api->session_create(mine, &own, &session, &error), WINNOW_OK);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].find("0 fake: session of 1000 threads, context 80, "), 0u);
  EXPECT_EQ(lines[2].find("1 fake: 1000 threads share "), 0u);
  ASSERT_EQ(api->session_save(session, path.c_str(), &error), WINNOW_OK);
  ASSERT_EQ(api->session_load(session, path.c_str(), &error), WINNOW_OK);
  unlink(path.c_str());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[3], "0 fake: saved 0 tokens to '" + path + "'");
  EXPECT_EQ(lines[4], "0 fake: loaded 0 tokens from '" + path + "'");
  api->session_destroy(session);
  session = nullptr;
  api->close(mine);
}

TEST_F(Callbacks, LengthsOfCaches) {
  session = create();
  ASSERT_EQ(feed(session, counting(21)), WINNOW_OK);
  int64_t lengths[3] = {-1, -1, -1};
  ASSERT_EQ(api->cache_lengths(session, lengths, 2, &error), WINNOW_OK)
      << error.message;
  EXPECT_EQ(lengths[0], 21);
  EXPECT_EQ(lengths[1], 21);
  EXPECT_EQ(lengths[2], -1);
  EXPECT_EQ(api->cache_lengths(session, lengths, 3, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->cache_lengths(session, nullptr, 2, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(api->cache_lengths(nullptr, lengths, 2, &error),
            WINNOW_INVALID_ARGUMENT);
}
